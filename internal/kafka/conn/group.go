package conn

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TryGroup returns the broker's error for a heartbeat of a member that the group does not
// have. Joining and committing need the same permission, but change the group. With the
// permission the error is kerr.UnknownMemberID or kerr.GroupIDNotFound, without it
// kerr.GroupAuthorizationFailed.
func TryGroup(ctx context.Context, client *kgo.Client, group string) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = group, -1, "brandpulse-connect-asks"
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}
