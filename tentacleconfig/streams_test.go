package tentacleconfig

import (
	"encoding/binary"
	"slices"
	"testing"
	"unicode/utf16"
)

// streamInfo is a FILE_STREAM_INFO, padded to 8 bytes.
func streamInfo(name string, last bool) []byte {
	units := utf16.Encode([]rune(name))
	b := make([]byte, 24, 24+2*len(units)+8)
	for _, unit := range units {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(2*len(units)))
	if !last {
		binary.LittleEndian.PutUint32(b, uint32(len(b)))
	}
	return b
}

func TestTheStreamsBesidesTheContentAreFound(t *testing.T) {
	zone := ":Zone.Identifier:$DATA"
	for what, c := range map[string]struct {
		list []byte
		want []string
	}{
		"the content alone": {list: streamInfo("::$DATA", true)},
		"several":           {slices.Concat(streamInfo("::$DATA", false), streamInfo(zone, false), streamInfo(":büro:$DATA", true)), []string{zone, ":büro:$DATA"}},
		"of another kind":   {list: slices.Concat(streamInfo("::$DATA", false), streamInfo(":x:$EA", true))},
		"none":              {},
		"cut":               {list: streamInfo(zone, true)[:40]},
		"leads nowhere":     {slices.Concat(streamInfo(zone, false)), []string{zone}},
		"zeroes after it":   {slices.Concat(streamInfo(zone, true), make([]byte, 64)), []string{zone}},
	} {
		if got := streamsIn(c.list); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", what, got, c.want)
		}
	}
}
