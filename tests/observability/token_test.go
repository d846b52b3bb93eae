package observability

import (
	"strings"
	"testing"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/domain"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// readToken creates a token that can read one bucket, as observability/influxdb creates
// one for Grafana, and checks that it cannot do more.
func readToken(t *testing.T, influx *influxd.Server, name string) string {
	t.Helper()
	client := influxdb2.NewClient(influx.URL, influx.Token)
	defer client.Close()
	bucket, err := client.BucketsAPI().FindBucketByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.AuthorizationsAPI().CreateAuthorizationWithOrgID(t.Context(), *bucket.OrgID, []domain.Permission{{
		Action:   domain.PermissionActionRead,
		Resource: domain.Resource{Type: domain.ResourceTypeBuckets, Id: bucket.Id, OrgID: bucket.OrgID},
	}})
	if err != nil {
		t.Fatal(err)
	}
	reader := influxd.NewDatabase(influx.URL, influx.Org, name, *made.Token)
	defer reader.Close()
	if err := reader.Write(t.Context(), []byte("tweets,brand=forged,sentiment=positive count=1i")); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("Grafana's token can write to %s: %v", name, err)
	}
	return *made.Token
}
