package commands

import "strings"

// messageLines are the lines of the message of an error. A line feed that comes from elsewhere, in
// a name for example, does not begin one.
func messageLines(err error) []string {
	if several, is := err.(interface{ MessageLines() []string }); is {
		return several.MessageLines()
	}
	message := err.Error()
	switch err := err.(type) {
	case interface{ Unwrap() []error }:
		if causes := err.Unwrap(); len(causes) > 0 && message == joinedMessage(causes) {
			var lines []string
			for _, cause := range causes {
				lines = append(lines, messageLines(cause)...)
			}
			return lines
		}
	case interface{ Unwrap() error }:
		cause := err.Unwrap()
		if cause == nil {
			break
		}
		if before, after, quoted := strings.Cut(message, cause.Error()); quoted {
			lines := append([]string{}, messageLines(cause)...)
			lines[0] = before + lines[0]
			lines[len(lines)-1] += after
			return lines
		}
	}
	return []string{message}
}

// splitLines are the lines of a whole text, without their ends.
func splitLines(whole string) []string {
	return strings.Split(strings.TrimSuffix(whole, "\n"), "\n")
}

// joinedMessage is the message of errors.Join.
func joinedMessage(errs []error) string {
	messages := make([]string, len(errs))
	for i, err := range errs {
		messages[i] = err.Error()
	}
	return strings.Join(messages, "\n")
}
