package commands

import "testing"

func TestATextIsAsWideAsATerminalShowsIt(t *testing.T) {
	for shown, want := range map[text]int{
		"":             0,
		"web-01":       6,
		"Zürich":       6,
		"Zu\u0308rich": 6, // the two dots are a mark of their own
		"東京":           4,
		"ｗｅｂ":          6,
		"\uff76\uff9e": 2, // halfwidth katakana
		"node\u200d1":  5,
		"サーバー web":     12,
	} {
		if got := displayWidth(shown); got != want {
			t.Errorf("%q takes %d columns, not %d", shown, got, want)
		}
	}
}
