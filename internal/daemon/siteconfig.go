package daemon

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
)

// SiteConfig is where a service is, and how it tells of itself.
type SiteConfig struct {
	// Listen is the address to serve on, "127.0.0.1:8080" by default.
	Listen string `toml:"listen"`
	// PublicURL is how clients reach the service: scheme and host. It is
	// required, and https unless the host is a loopback address.
	PublicURL string `toml:"public_url"`
	// ClientAddressHeader is the header in which a trusted proxy before the
	// service states the client's address, such as "X-Forwarded-For". Absent,
	// no header is believed.
	ClientAddressHeader string `toml:"client_address_header"`
	// PlainHTTP says that a proxy before the service speaks TLS, where Listen is
	// no loopback address and TLS is absent.
	PlainHTTP bool `toml:"plain_http"`

	// TLS is the service's certificate. Absent, it speaks plain HTTP and a
	// proxy before it must speak TLS.
	TLS TLSConfig `toml:"tls"`
	// Metrics is where the service tells how it is.
	Metrics MetricsConfig `toml:"metrics"`
	// Log is what is logged, to standard error.
	Log LogConfig `toml:"log"`
}

// TLSConfig names the files of a certificate chain and its key, in PEM.
type TLSConfig struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// MetricsConfig says where metrics are served, besides /healthz and /readyz.
type MetricsConfig struct {
	// Listen is an address of its own, such as "127.0.0.1:9464": whoever
	// reaches it may ask. Absent, there are no metrics.
	Listen string `toml:"listen"`
}

// LogConfig is how much is logged, and how.
type LogConfig struct {
	// Level is debug, info, warn or error; info by default.
	Level string `toml:"level"`
	// Format is json or text; json by default.
	Format string `toml:"format"`
}

func (c SiteConfig) check(f *faults) {
	if _, _, err := net.SplitHostPort(c.listen()); err != nil {
		f.addf("listen", "%q is not host:port", c.Listen)
	}
	f.add("public_url", checkPublicURL(c.PublicURL))
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		f.addf("tls", "certificate and key belong together: name both files")
	}
	if host, _, err := net.SplitHostPort(c.listen()); err == nil && !isLoopback(host) && c.TLS.Certificate == "" && !c.PlainHTTP {
		f.addf("listen", "%q is reached from other machines, and access tokens would travel in clear: configure tls, or say plain_http = true where a proxy speaks TLS for the service", c.Listen)
	}
	if c.Metrics.Listen != "" {
		f.add("metrics.listen", c.checkMetricsListen())
	}
	if _, err := c.Log.handler(nil); err != nil {
		f.add("log", err)
	}
}

func (c SiteConfig) checkMetricsListen() error {
	_, port, err := net.SplitHostPort(c.Metrics.Listen)
	if err != nil {
		return fmt.Errorf("%q is not host:port", c.Metrics.Listen)
	}
	if _, api, err := net.SplitHostPort(c.listen()); err == nil && api == port && port != "0" {
		return fmt.Errorf("port %s is the API's: metrics need one of their own", port)
	}
	return nil
}

func (c SiteConfig) listen() string { return cmp.Or(c.Listen, "127.0.0.1:8080") }

// checkPublicURL accepts an origin: https, or http on a loopback host.
func checkPublicURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("missing: say how clients reach the service, such as \"https://pats.example.com\"")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "":
		return fmt.Errorf("%q is not scheme and host, such as \"https://pats.example.com\"", text)
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return fmt.Errorf("%q is not https: access tokens must not travel in clear", text)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listenTLS opens the listener, with the certificate where there is one.
func (c SiteConfig) listenTLS() (net.Listener, error) {
	listener, err := net.Listen("tcp", c.listen())
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if c.TLS.Certificate == "" {
		return listener, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}), nil
}

// openListeners are those that nobody serves yet.
type openListeners struct {
	site    net.Listener
	metrics net.Listener // nil without metrics
}

// open listens.
func (c SiteConfig) open() (l openListeners, err error) {
	if l.site, err = c.listenTLS(); err != nil {
		return l, err
	}
	if l.metrics, err = listenMetrics(c.Metrics.Listen); err != nil {
		l.site.Close()
	}
	return l, err
}

func (l openListeners) close() {
	l.site.Close()
	if l.metrics != nil {
		l.metrics.Close()
	}
}

// handler makes the log's handler on w.
func (l LogConfig) handler(w io.Writer) (slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmp.Or(l.Level, "info"))); err != nil {
		return nil, fmt.Errorf("level %q is not debug, info, warn or error", l.Level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.Format {
	case "", "json":
		return slog.NewJSONHandler(w, options), nil
	case "text":
		return slog.NewTextHandler(w, options), nil
	}
	return nil, fmt.Errorf("format %q is not json or text", l.Format)
}
