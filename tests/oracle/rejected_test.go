package oracle

import (
	"maps"
	"testing"
)

// If this fails, a tweet in a rejected point counts as lost, or a lost one as rejected.
func TestRejectedPointsCountOnce(t *testing.T) {
	coverage := Coverage{{Partition: 3, Base: 40}}
	letters := []Letter{
		{Reason: "rejected", Partition: 3, Offset: 40, Value: []byte(`tweets,brand=a\=b\,\ "c",sentiment=neutral count=3i -1999999999`)},
		{Reason: "undecodable", Partition: 3, Offset: 41},
		{Reason: "rejected", Partition: 3, Offset: 40, Value: []byte(`tweets,brand=a\=b\,\ "c",sentiment=neutral count=3i -1999999999`)},
		{Reason: "rejected", Partition: 3, Offset: 40, Value: []byte(`tweets,brand=a\=b\,\ "c",sentiment=neutral count=4i -1999999998`)},
		{Reason: "rejected", Partition: 3, Offset: 40, Value: []byte(`tweets,brand=Tea,sentiment=positive count=1i 5000000643`)},
	}
	others, counts, err := Rejected(letters, coverage)
	want := Counts{{-2, `a=b, "c"`, "neutral"}: 7, {5, "Tea", "positive"}: 1}
	if err != nil || !maps.Equal(counts, want) || len(others) != 1 || others[0].Offset != 41 {
		t.Errorf("%v, %v, %v", others, counts, err)
	}
}

func TestInvalidRejectedPointsAreErrors(t *testing.T) {
	for name, letter := range map[string]Letter{
		"no batch":         {Offset: 9, Value: []byte("tweets,brand=a,sentiment=neutral count=3i 5")},
		"float":            {Value: []byte("tweets,brand=a,sentiment=neutral count=3 5")},
		"other field":      {Value: []byte("tweets,brand=a,sentiment=neutral n=3i 5")},
		"other tag":        {Value: []byte("tweets,brand=a,mood=neutral count=3i 5")},
		"no time":          {Value: []byte("tweets,brand=a,sentiment=neutral count=3i")},
		"coverage refused": {Value: []byte("brandpulse_batches partition=3i,base=0i,last=1i 5")},
	} {
		letter.Reason = "rejected"
		if _, counts, err := Rejected([]Letter{letter}, Coverage{{}}); err == nil {
			t.Errorf("%s: %v", name, counts)
		}
	}
}
