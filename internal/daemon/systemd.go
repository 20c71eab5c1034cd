package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
)

// tellManager tells the service manager how far the service is, "READY=1" or
// "STOPPING=1", where one asks to be told (sd_notify(3)).
func tellManager(ctx context.Context, state string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unixgram", address)
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}
