package commands

// AsPiped is a text as it is written into a pipe.
func AsPiped(text string) string { return string(encode(text, outputCodePage())) }
