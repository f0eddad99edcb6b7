package tentacleconfig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
)

// The byte order mark is a part of a Document, as of one in UTF-8.
var (
	littleEndian = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	bigEndian    = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
)

// decode is the text of a file as UTF-8, and its encoding if that is UTF-16,
// which PowerShell's > and Notepad's "Unicode" write. Tentacle knows that by the
// byte order mark, whatever the XML declaration says (the StreamReader in
// Configuration/XmlKeyValueStore.cs).
func decode(data []byte) (text []byte, utf16 encoding.Encoding, err error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		utf16 = littleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		utf16 = bigEndian
	default:
		return bytes.Clone(data), nil, nil
	}
	text, err = utf16.NewDecoder().Bytes(data)
	if err != nil || !bytes.Equal(encode(text, utf16), data) {
		return nil, nil, errors.New("begins like UTF-16, but what follows is not")
	}
	return text, utf16, nil
}

// encode is the opposite of decode.
func encode(text []byte, utf16 encoding.Encoding) []byte {
	if utf16 == nil {
		return bytes.Clone(text)
	}
	data, _ := utf16.NewEncoder().Bytes(text) // which knows every character
	return data
}

// newDecoder reads XML as Tentacle does: what its declaration says of the
// encoding counts for nothing, because that is known by then.
func newDecoder(text []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, text io.Reader) (io.Reader, error) { return text, nil }
	return d
}
