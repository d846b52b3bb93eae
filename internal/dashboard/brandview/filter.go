package brandview

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const (
	// maxFilter is how many brands may be looked at together.
	maxFilter = maxBrands
	// maxSearch limits the characters of a search for texts, and maxWords its words.
	maxSearch = 100
	maxWords  = 8
)

// Filter says what to look at.
type Filter struct {
	Range  Range
	Until  int64    // the end of a range that has ended, exclusive; 0: the range ends now
	Brands []string // none: all

	// Sentiments and Words select texts. Counts are always those of all sentiments.
	Sentiments []string // none: all
	Words      []string // all of which a text must contain
}

// start is the first second of a range that has ended.
func (f Filter) start() int64 { return f.Until - f.Range.length() }

// Check gives an error if no view can be had of it.
func (f Filter) Check() error {
	if len(f.Brands) > maxFilter {
		return fmt.Errorf("at most %d brands can be chosen", maxFilter)
	}
	for _, brand := range f.Brands {
		if err := checkBrand(brand); err != nil {
			return err
		}
	}
	for _, sentiment := range f.Sentiments {
		if _, ok := tweet.ParseSentiment(sentiment); !ok {
			return errors.New("a sentiment is positive, neutral or negative")
		}
	}
	if len(f.Sentiments) > tweet.NumSentiments {
		return errors.New("a sentiment is chosen twice")
	}
	return nil
}

// wordsOf splits a search into words.
func wordsOf(search string) ([]string, error) {
	words := strings.Fields(search)
	switch {
	case !utf8.ValidString(search):
		return nil, errors.New("the search is not UTF-8")
	case utf8.RuneCountInString(search) > maxSearch:
		return nil, fmt.Errorf("the search is longer than %d characters", maxSearch)
	case len(words) > maxWords:
		return nil, fmt.Errorf("the search has more than %d words", maxWords)
	}
	return words, nil
}

// checkBrand accepts every name that the list of brands can contain. Names are bound
// parameters of queries, so control characters in them are harmless.
func checkBrand(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a brand is empty")
	case len(name) > maxNameBytes:
		return fmt.Errorf("the name of a brand is longer than %d bytes", maxNameBytes)
	case !utf8.ValidString(name):
		return errors.New("the name of a brand is no UTF-8")
	}
	return nil
}

var errNoFilter = errors.New("no such range")

// FilterFrom reads a filter from a request: either range, with until if it has ended,
// or from and to, with step if the length of the windows matters; brand and sentiment any
// number of times; and q, a search.
func FilterFrom(r *http.Request) (f Filter, err error) {
	query := r.URL.Query()
	if query.Has("from") || query.Has("to") {
		f.Range, f.Until, err = ownRange(query.Get("from"), query.Get("to"), query.Get("step"))
	} else {
		f.Range, f.Until, err = namedRange(query.Get("range"), query.Get("until"))
	}
	if err != nil {
		return Filter{}, err
	}
	f.Brands, f.Sentiments = query["brand"], query["sentiment"]
	if f.Words, err = wordsOf(query.Get("q")); err != nil {
		return Filter{}, err
	}
	return f, f.Check()
}
