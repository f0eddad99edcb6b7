package tentacleconfig

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// streamsIn reads a list of FILE_STREAM_INFO: the names of the streams besides the content itself,
// like ":Zone.Identifier:$DATA".
func streamsIn(list []byte) (names []string) {
	const header = 24 // the offset of the next entry and the length of the name, 4 bytes each; two sizes
	for len(list) >= header {
		next, length := binary.LittleEndian.Uint32(list), binary.LittleEndian.Uint32(list[4:])
		name := list[header:]
		if uint64(length) > uint64(len(name)) {
			return names
		}
		units := make([]uint16, length/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(name[2*i:])
		}
		if text := string(utf16.Decode(units)); strings.HasSuffix(text, ":$DATA") && text != "::$DATA" {
			names = append(names, text)
		}
		if next == 0 || uint64(next) >= uint64(len(list)) {
			return names
		}
		list = list[next:]
	}
	return names
}
