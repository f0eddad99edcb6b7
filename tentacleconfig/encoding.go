package tentacleconfig

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"unicode/utf16"
)

// decode is the text of a file as UTF-8, and the order of its bytes if it is in
// UTF-16, which PowerShell's > and Notepad's "Unicode" write. Tentacle knows that
// by the byte order mark, whatever the XML declaration says (the StreamReader in
// Configuration/XmlKeyValueStore.cs).
func decode(data []byte) (text []byte, order binary.ByteOrder, err error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.Clone(data), nil, nil
	}
	units := make([]uint16, len(data)/2)
	_, _ = binary.Decode(data, order, units) // there is one for each
	text = []byte(string(utf16.Decode(units)))
	if !bytes.Equal(encode(text, order), data) {
		return nil, nil, errors.New("it begins like UTF-16, but what follows is not")
	}
	return text, order, nil
}

// encode is the opposite of decode.
func encode(text []byte, order binary.ByteOrder) []byte {
	if order == nil {
		return bytes.Clone(text)
	}
	data, _ := binary.Append(nil, order, utf16.Encode([]rune(string(text)))) // numbers always can be
	return data
}

// newDecoder reads XML as Tentacle does: what its declaration says of the
// encoding counts for nothing, because that is known by then.
func newDecoder(text []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, text io.Reader) (io.Reader, error) { return text, nil }
	return d
}
