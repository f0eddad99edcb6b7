package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// What a file asks for may have several mistakes, which are told at once.

// mistaken is mistake for an error that may be that the server does not know names in a list, or a
// name that is the key's value.
func (w registrationWish) mistaken(key string, list []string, err error) error {
	unknown, is := errors.AsType[*octoapi.UnknownNameError](err)
	if !is || !w.inFile() {
		return err
	}
	var mistakes []error
	for _, one := range unknown.Each() {
		at := key
		if i := slices.Index(list, one.Names[0]); i >= 0 {
			at = fmt.Sprintf("%s[%d]", key, i)
		}
		mistakes = append(mistakes, w.at(at).mistake(one))
	}
	return errors.Join(mistakes...)
}

// askAll asks several questions at the same time. A file is told all its mistakes at once.
func (w registrationWish) askAll(ctx context.Context, questions ...func(context.Context) error) error {
	if w.inFile() {
		return everyMistakeOf(ctx, questions...)
	}
	return allOf(ctx, questions...)
}

// everyMistakeOf is allOf for what a file asks for: where the answers are about mistakes in the
// file, the error has all of them. Else they do not count: a server that does not answer is none.
func everyMistakeOf(ctx context.Context, questions ...func(context.Context) error) error {
	errs := askTogether(ctx, func(err error) bool { return !isMistake(err) }, questions)
	others := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil || isMistake(err) })
	if len(others) > 0 {
		return firstOwn(others)
	}
	return byLine(errs)
}

// byLine joins mistakes, in the order of the file.
func byLine(errs []error) error {
	var mistakes []*tentaclefile.Mistake
	for _, err := range errs {
		for _, one := range joined(err) {
			mistake, _ := errors.AsType[*tentaclefile.Mistake](one)
			mistakes = append(mistakes, mistake)
		}
	}
	slices.SortStableFunc(mistakes, func(a, b *tentaclefile.Mistake) int { return cmp.Compare(a.Line, b.Line) })
	sorted := make([]error, len(mistakes))
	for i, mistake := range mistakes {
		sorted[i] = mistake
	}
	return errors.Join(sorted...)
}

// isMistake says whether an error is about what a file says, and nothing else.
func isMistake(err error) bool {
	if several, is := err.(interface{ Unwrap() []error }); is {
		return !slices.ContainsFunc(several.Unwrap(), func(one error) bool { return !isMistake(one) })
	}
	return errors.As(err, new(*tentaclefile.Mistake))
}
