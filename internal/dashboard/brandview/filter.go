package brandview

import (
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// maxFilter is how many brands may be looked at together.
const maxFilter = maxBrands

// Filter says what to look at.
type Filter struct {
	Range  Range
	Brands []string // none: all
}

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
	return nil
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

// FilterFrom reads a filter from a request: range, and brand any number of times.
func FilterFrom(r *http.Request) (Filter, error) {
	query := r.URL.Query()
	found, ok := ParseRange(query.Get("range"))
	if !ok {
		return Filter{}, errNoFilter
	}
	f := Filter{Range: found, Brands: query["brand"]}
	return f, f.Check()
}
