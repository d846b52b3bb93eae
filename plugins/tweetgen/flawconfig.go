package tweetgen

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

const (
	fieldFlaws        = "flaws"
	fieldLateBy       = "late_by"
	fieldOutOfOrderBy = "out_of_order_by"
)

// maxLate bounds how old a tweet can be.
const maxLate = 10 * 365 * 24 * time.Hour

// Errors of flaws, for lint and the constructor.
const (
	wrongSum  = "flaws have shares that add up to %v: a tweet has at most one flaw, so they must add up to at most 1"
	wrongLate = "late_by must be longer than out_of_order_by: tweets that are late by less are out of order"
)

func flawsField() *service.ConfigField {
	share := func(f flaw, what string) *service.ConfigField {
		return service.NewFloatField(f.String()).
			Description("Share of tweets, from 0 to 1, " + what).
			Default(0).
			Example(0.01).
			LintRule(lintrule.Float(f.String(), "this >= 0 && this <= 1", fromZeroToOne))
	}
	by := func(name, what, standard string) *service.ConfigField {
		return service.NewDurationField(name).
			Description(what).
			Default(standard).
			LintRule(lintrule.WholeMillis(name, time.Millisecond, maxLate))
	}
	return service.NewObjectField(fieldFlaws,
		share(late, "that arrive long after their timestamp: it is before the time at which they are sent, by more than `out_of_order_by` and at most `late_by`."),
		by(fieldLateBy, "The most by which a tweet is late.", "10m"),
		share(outOfOrder, "whose timestamp is a little before those of the tweets around them, by at most `out_of_order_by`."),
		by(fieldOutOfOrderBy, "The most by which a tweet is out of order.", "1s"),
		share(duplicated, "that are sent twice in a row, with the same id. The copies come on top of `rate`, `shape` and `count`, and of the shares of `sentiment`."),
		share(broken, "that are cut off: their bytes end inside the tweet, so no consumer can decode them, and they become dead letters."),
	).
		Description("Flaws that tweets of real topics have. Each tweet has at most one of them, at random; the same seed gives the same flaws, and they do not change the tweets. The metric `tweet_generator_flawed` and the [ledger](#ledger) count them. With `message: record_batch` the records of late tweets have the time at which these are sent, as a producer would set it.").
		Example(map[string]any{late.String(): 0.01, fieldLateBy: "1h", outOfOrder.String(): 0.05, duplicated.String(): 0.001, broken.String(): 0.0001}).
		LintRule(`let sum = ((this.late.or(0) + this.out_of_order.or(0) + this.duplicated.or(0) + this.broken.or(0)) * 1000000000).round() / 1000000000
let late = this.late_by.or("10m").parse_duration().catch(null)
let order = this.out_of_order_by.or("1s").parse_duration().catch(null)
root = match {
  $sum > 1 => [ "` + wrongSum + `".format($sum) ],
  this.late.or(0) > 0 && $late != null && $order != null && $late <= $order => [ "` + wrongLate + `" ],
}`)
}

func flawsFrom(parsed *service.ParsedConfig) (f flaws, err error) {
	sum := 0.0
	for kind := late; kind < numFlaws; kind++ {
		share, err := parsed.FieldFloat(kind.String())
		if err != nil {
			return f, err
		}
		if err := lintrule.CheckFloat(kind.String(), share, share >= 0 && share <= 1, fromZeroToOne); err != nil {
			return f, err
		}
		f.shares[kind] = share
		sum += share
	}
	if sum = math.Round(sum*1e9) / 1e9; sum > 1 {
		return f, fmt.Errorf(wrongSum, sum)
	}
	if f.lateBy, err = parsed.FieldDuration(fieldLateBy); err != nil {
		return f, err
	}
	if f.orderBy, err = parsed.FieldDuration(fieldOutOfOrderBy); err != nil {
		return f, err
	}
	if err := errors.Join(
		lintrule.CheckWholeMillis(fieldLateBy, f.lateBy, time.Millisecond, maxLate),
		lintrule.CheckWholeMillis(fieldOutOfOrderBy, f.orderBy, time.Millisecond, maxLate),
	); err != nil {
		return f, err
	}
	if f.shares[late] > 0 && f.lateBy <= f.orderBy {
		return f, errors.New(wrongLate)
	}
	return f, nil
}
