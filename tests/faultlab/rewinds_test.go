package faultlab_test

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// rewindFaults replay everything once more.
var rewindFaults = []faultlab.Scenario{
	{
		Name: "F15", Does: "offsets are lost and set back, another group reads all, points are deleted and made anew",
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Run:      rewind,
	},
}

func rewind(l *faultlab.Lab) {
	members := startMembers(l, 2)
	killAll := func() {
		l.Helper()
		for _, m := range members {
			m.Kill()
		}
		l.Reader.AwaitMembers(l, 0)
	}
	restartAll := func() {
		l.Helper()
		for _, m := range members {
			m.Restart()
		}
		for _, m := range members {
			m.AwaitCounted(1)
		}
	}
	client := l.Broker.Client(l)
	admin := kadm.NewClient(client)

	for range long(1, 3) {
		l.Wait(l.Between(2*time.Second, 4*time.Second))
		killAll()
		l.Reader.SetOffsets(l, "the beginning", beginning(l))
		l.Repeats(restartAll)
		l.Event("all is read from the beginning")
	}

	l.Wait(l.Between(2*time.Second, 4*time.Second))
	killAll()
	if _, err := admin.DeleteGroup(l.Context(), l.Reader.Group); err != nil {
		l.Fatalf("deleting the group: %v", err)
	}
	l.Repeats(restartAll)
	l.Event("the group was deleted")

	group := l.Reader.Group + "-another"
	var another *faultlab.Member
	l.Repeats(func() { another = l.StartWith("input.kafka_batches.consumer_group=" + group) })
	testenv.Eventually(l, time.Minute, "the other group has caught up", func() error {
		lag, err := l.Broker.Lag(l.Context(), group, l.Stream.Topic)
		if err == nil && lag > int64(2*l.Rate) {
			err = fmt.Errorf("its lag is %d", lag)
		}
		return err
	})
	l.Event("another group has read all")
	if code := another.Stop(); code != 0 {
		l.Errorf("%s has ended with exit code %d", another, code)
	}

	killAll()
	now := time.Now()
	before := len(l.Coverage())
	l.Samples.Apart(func() {
		l.Reader.SetOffsets(l, "the beginning", beginning(l))
		l.DeletePoints(now.Add(-4*time.Minute), now.Add(-2*time.Minute)) // of tweets
		l.DeletePoints(now.Add(-30*time.Second), now.Add(time.Minute))   // and of recently read ones
	})
	after := len(l.Coverage())
	l.Event("points were deleted: %d coverage points of %d are left", after, before)
	if after >= before {
		l.Error("no coverage point was deleted")
	}
	restartAll()
}
