package pollertest

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// RoundTripper returns a transport that serves each request by the handler for its host ("host" or "host:port"; "*"
// stands for every other host), in memory. Bodies are streamed both ways, a handler may block until its request's
// context ends, http.ErrAbortHandler cuts the connection, and gzip is asked for and undone as http.Transport does. The
// handler's goroutine ends when the response body is read or closed, or the request's context ends.
func RoundTripper(hosts map[string]http.Handler) http.RoundTripper {
	return &memory{hosts: hosts}
}

type memory struct{ hosts map[string]http.Handler }

// errReset is what a client sees of a connection that the other side cut.
var errReset = errors.New("connection reset by peer")

// RoundTrip implements http.RoundTripper.
func (m *memory) RoundTrip(req *http.Request) (*http.Response, error) {
	handler := m.handler(req.URL)
	if handler == nil {
		closeBody(req.Body)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: req.URL.Hostname(), IsNotFound: true}}
	}
	if err := req.Context().Err(); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	server := serverSide(req.WithContext(ctx))
	unzip := req.Header.Get("Accept-Encoding") == "" && req.Header.Get("Range") == "" && req.Method != http.MethodHead
	if unzip {
		server.Header.Set("Accept-Encoding", "gzip")
	}
	pr, pw := io.Pipe()
	stop := context.AfterFunc(req.Context(), func() { _ = pw.CloseWithError(req.Context().Err()) })
	w := &pipeWriter{header: http.Header{}, req: req, body: pw, ready: make(chan *http.Response, 1)}
	failed := make(chan error, 1)
	go func() {
		err := serve(handler, w, server)
		closeBody(req.Body)
		if err != nil {
			_ = pw.CloseWithError(io.ErrUnexpectedEOF)
			failed <- err
		} else {
			w.Flush()
			// A client that gave up sees its own reason, not an answer that looks complete.
			_ = pw.CloseWithError(req.Context().Err())
		}
		stop()
		cancel(nil)
	}()
	body := &responseBody{PipeReader: pr, cancel: cancel}
	select {
	case resp := <-w.ready:
		return finish(resp, body, unzip)
	case <-req.Context().Done():
		_ = body.Close()
		return nil, context.Cause(req.Context())
	case err := <-failed:
		select {
		case resp := <-w.ready: // the header was out before the cut
			return finish(resp, body, unzip)
		default:
		}
		_ = body.Close()
		return nil, err
	}
}

func (m *memory) handler(u *url.URL) http.Handler {
	for _, host := range []string{u.Host, u.Hostname(), "*"} {
		if h := m.hosts[host]; h != nil {
			return h
		}
	}
	return nil
}

// serverSide turns an outgoing request into what a server would have read.
func serverSide(req *http.Request) *http.Request {
	server := req.Clone(req.Context())
	server.RequestURI = req.URL.RequestURI()
	server.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	server.Proto, server.ProtoMajor, server.ProtoMinor = "HTTP/1.1", 1, 1
	server.RemoteAddr = "192.0.2.1:1234"
	if server.Host == "" {
		server.Host = req.URL.Host
	}
	if server.Body == nil {
		server.Body = http.NoBody
	}
	return server
}

// serve runs the handler and turns a panic into the error that the client sees.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = &net.OpError{Op: "read", Net: "tcp", Err: errReset}
		default:
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// finish gives the client's side of an answer its body.
func finish(resp *http.Response, body io.ReadCloser, unzip bool) (*http.Response, error) {
	resp.Body = body
	if unzip && strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		resp.Body = &unzipped{raw: body}
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
		resp.Uncompressed = true
	}
	return resp, nil
}

func closeBody(b io.Closer) {
	if b != nil {
		_ = b.Close()
	}
}

// responseBody ends the handler's context when the client is done with the answer.
type responseBody struct {
	*io.PipeReader
	cancel context.CancelCauseFunc
}

// Close implements io.Closer.
func (b *responseBody) Close() error {
	b.cancel(nil)
	return b.PipeReader.Close()
}

// unzipped reads the gzip header only when the body is first read.
type unzipped struct {
	raw io.ReadCloser
	zip *gzip.Reader
	err error
}

// Read implements io.Reader.
func (u *unzipped) Read(p []byte) (int, error) {
	if u.zip == nil && u.err == nil {
		u.zip, u.err = gzip.NewReader(u.raw)
	}
	if u.err != nil {
		return 0, u.err
	}
	return u.zip.Read(p)
}

// Close implements io.Closer.
func (u *unzipped) Close() error { return u.raw.Close() }

// pipeWriter is the handler's side of one answer. As with a server's, one goroutine at a time may use it, and the header
// leaves with the first byte of the body, at a flush or at the end.
type pipeWriter struct {
	header http.Header
	req    *http.Request
	body   *io.PipeWriter
	ready  chan *http.Response
	resp   *http.Response // set by WriteHeader
	sent   bool
	mute   bool // the answer has no body (RFC 9110 §6.4.1)
}

// Header implements http.ResponseWriter.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *pipeWriter) WriteHeader(status int) {
	if status < 200 || w.resp != nil {
		return
	}
	w.mute = w.req.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
	length := int64(-1)
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil {
		length = n
	}
	w.resp = &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header.Clone(), ContentLength: length, Request: w.req,
	}
}

// Flush implements http.Flusher.
func (w *pipeWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	if !w.sent {
		w.sent = true
		w.ready <- w.resp
	}
}

// Write implements io.Writer.
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if _, set := w.resp.Header["Content-Type"]; !set && !w.sent && w.resp.StatusCode != http.StatusNoContent {
		w.resp.Header.Set("Content-Type", http.DetectContentType(p))
	}
	w.Flush()
	if w.mute {
		return len(p), nil
	}
	return w.body.Write(p)
}
