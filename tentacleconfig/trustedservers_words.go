package tentacleconfig

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The words that stand without quotes in Newtonsoft's kind of JSON (Src/Newtonsoft.Json/
// JsonTextReader.cs), and what Tentacle makes of them (CommunicationStyleConverter in
// Configuration/OctopusServerConfiguration.cs).

// otherStyles are the names of CommunicationStyle that mean nothing to a Tentacle, but are read.
var otherStyles = map[string]Style{
	"Ssh": 3, "OfflineDrop": 4, "AzureWebApp": 5, "Ftp": 6, "AzureCloudService": 7,
	"AzureServiceFabricCluster": 8, "Kubernetes": 9, "StepPackage": 10,
}

// isWord says whether that is a value.
func isWord(word string) bool {
	switch word {
	case "null", "true", "false", "NaN", "Infinity", "-Infinity", "undefined":
		return true
	}
	_, is := number(word)
	return is
}

// number reads a number: decimal, where .5 and 5. are fine, hexadecimal after 0x, octal after 0.
func number(word string) (value float64, is bool) {
	if word == "" || !strings.ContainsRune("-.0123456789", rune(word[0])) || strings.Trim(word, "+-.0123456789abcdefABCDEFxX") != "" {
		return 0, false
	}
	if len(word) > 1 && word[0] == '0' && !strings.ContainsRune(".eE", rune(word[1])) {
		digits, base := word, 8
		if word[1] == 'x' || word[1] == 'X' {
			digits, base = word[2:], 16
		}
		n, err := strconv.ParseUint(digits, base, 64) // of more than 63 bits, some are negative
		return float64(int64(n)), err == nil
	}
	value, err := strconv.ParseFloat(word, 64)
	return value, (err == nil || errors.Is(err, strconv.ErrRange)) && !strings.ContainsAny(word, "xX")
}

// styleOf is the style that a value means, as the reader has it: a number, or the name in just the
// case of the enumeration, or either as text.
func styleOf(value string) (Style, error) {
	n := 0.0
	switch value {
	case "null", "undefined", "false":
		return StyleNone, nil
	case "true":
		n = 1
	default:
		if value[0] == '"' {
			return styleNamed(value)
		}
		var is bool
		if n, is = number(value); !is {
			return 0, fmt.Errorf("%s is neither a number nor a name", fieldStyle)
		}
	}
	n = math.RoundToEven(n)
	if n < math.MinInt32 || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s is not the number of a communication style", value)
	}
	return Style(n), nil
}

func styleNamed(value string) (Style, error) {
	text, err := unquote(value)
	if err != nil {
		return 0, err
	}
	name := strings.TrimSpace(text)
	if style, known := otherStyles[name]; known {
		return style, nil
	}
	style, err := ParseStyle(name)
	if proper, known := styleNames[style]; err == nil && known && strings.EqualFold(name, proper) && name != proper {
		return 0, fmt.Errorf("%q is not spelled as Tentacle needs it: write %s", text, proper)
	}
	return style, err
}
