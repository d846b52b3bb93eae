package tweetgen

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func brandsFrom(parsed *service.ParsedConfig) (brands []brand, err error) {
	count, err := parsed.FieldInt(fieldBrandCount)
	if err != nil {
		return nil, err
	}
	exponent, err := parsed.FieldFloat(fieldBrandZipf)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		lintrule.CheckInt(fieldBrandCount, int64(count), 0, maxBrands),
		lintrule.CheckFloat(fieldBrandZipf, exponent, exponent >= 0 && exponent <= maxZipf, fromZeroToTen),
	); err != nil {
		return nil, err
	}
	for i, weight := range zipf(count, exponent) {
		brands = append(brands, brand{"brand_" + strconv.Itoa(i+1), weight})
	}
	if count > 0 {
		return brands, nil
	}
	list, err := parsed.FieldObjectList(fieldBrands)
	if err != nil {
		return nil, err
	}
	for _, item := range list {
		var b brand
		if b.name, err = item.FieldString(fieldName); err != nil {
			return nil, err
		}
		if b.weight, err = item.FieldFloat(fieldWeight); err != nil {
			return nil, err
		}
		brands = append(brands, b)
	}
	return brands, nil
}

func checkBrands(brands []brand) error {
	if len(brands) == 0 {
		return errors.New("brands must not be empty")
	}
	if len(brands) > maxBrands {
		return fmt.Errorf("%s has %d entries, more than %d: each brand is a series in InfluxDB", fieldBrands, len(brands), maxBrands)
	}
	total := 0.0
	seen := make(map[string]bool)
	for _, b := range brands {
		sample := tweet.Tweet{ID: []byte("-"), Brand: []byte(b.name)}
		if err := sample.Check(); err != nil {
			return fmt.Errorf("%s: %q: %w", fieldBrands, b.name, err)
		}
		if err := lineproto.CheckTagValue(b.name); err != nil {
			return fmt.Errorf("%s: InfluxDB cannot store the brand %q: it %w", fieldBrands, b.name, err)
		}
		if seen[b.name] {
			return fmt.Errorf("%s names %q twice", fieldBrands, b.name)
		}
		seen[b.name] = true
		if err := lintrule.CheckFloat(fieldWeight, b.weight, b.weight >= 0 && !math.IsInf(b.weight, 0), notNegative); err != nil {
			return fmt.Errorf("%s: %q: %w", fieldBrands, b.name, err)
		}
		total += b.weight
	}
	if total == 0 || math.IsInf(total, 0) {
		return errors.New(wrongWeights)
	}
	return nil
}

func compressibilityFrom(parsed *service.ParsedConfig) (c compressibility, err error) {
	if c.ratio, err = parsed.FieldFloat(fieldRatio); err != nil {
		return c, err
	}
	name, err := parsed.FieldString(fieldCodec)
	if err != nil {
		return c, err
	}
	c.codec = compression.Named(name)
	return c, errors.Join(
		lintrule.CheckFloat(fieldRatio, c.ratio, c.ratio == 0 || c.ratio >= 1 && c.ratio <= maxRatio, ratios),
		lintrule.CheckEnum(fieldCodec, name, compression.Names[1:]...),
	)
}

func headersFrom(parsed *service.ParsedConfig) (headers []header, err error) {
	list, err := parsed.FieldObjectList(fieldHeaders)
	if err != nil {
		return nil, err
	}
	if len(list) > maxHeaders {
		return nil, fmt.Errorf("%s has %d entries, more than %d", fieldHeaders, len(list), maxHeaders)
	}
	for _, item := range list {
		var h header
		if h.name, err = item.FieldString(fieldName); err != nil {
			return nil, err
		}
		if h.value, err = item.FieldString(fieldValue); err != nil {
			return nil, err
		}
		if h.randomHex, err = item.FieldInt(fieldRandomHex); err != nil {
			return nil, err
		}
		if h.name == "" || strings.HasPrefix(h.name, contract.KafkaPrefix) {
			return nil, fmt.Errorf("%s: %q: %s", fieldHeaders, h.name, wrongName)
		}
		if h.value != "" && h.randomHex != 0 {
			return nil, fmt.Errorf("%s: %q: %s", fieldHeaders, h.name, wrongHeader)
		}
		if err := lintrule.CheckInt(fieldRandomHex, int64(h.randomHex), 0, maxHex); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", fieldHeaders, h.name, err)
		}
		headers = append(headers, h)
	}
	return headers, nil
}

func namesTwice(headers []header) bool {
	seen := make(map[string]bool)
	for _, h := range headers {
		seen[h.name] = true
	}
	return len(seen) < len(headers)
}
