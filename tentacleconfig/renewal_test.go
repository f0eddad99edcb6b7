package tentacleconfig

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestASecondThumbprintStandsBesideTheFirstUnderTheSameSubscription(t *testing.T) {
	const first, second, other = "A000000000000000000000000000000000000001", "B000000000000000000000000000000000000002", "C000000000000000000000000000000000000003"
	list := []TrustedServer{
		{Thumbprint: first, Style: StyleListening},
		{Thumbprint: first, Style: StylePolling, Address: "https://octo1:10943", SubscriptionID: "poll://abc/"},
		{Thumbprint: other, Style: StylePolling, Address: "https://octo2:10943", SubscriptionID: "poll://def/"},
	}
	after := AlsoTrusting(list, first, second)
	want := append(append([]TrustedServer{}, list...),
		TrustedServer{Thumbprint: second, Style: StyleListening},
		TrustedServer{Thumbprint: second, Style: StylePolling, Address: "https://octo1:10943", SubscriptionID: "poll://abc/"})
	if diff := cmp.Diff(want, after, cmp.Comparer(TrustedServer.Equal)); diff != "" {
		t.Error(diff)
	}
	if again := AlsoTrusting(after, first, second); !Diff(after, again).Empty() {
		t.Error("a second time, it changes something")
	}
}
