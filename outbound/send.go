package outbound

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
)

// GetJSON makes a GET and, if the answer is 2xx with a body, decodes that strictly into out, a non-nil pointer. Other
// statuses come back with out untouched and no error: see Classify. A body that does not decode is an *Error of
// KindAnswer, together with the response. r.Method is ignored.
func (c *Client) GetJSON(ctx context.Context, r Request, out any) (*Response, error) {
	r.Method = http.MethodGet
	return c.exchange(ctx, r, out)
}

// PostJSON sends in as a JSON body, by POST unless r.Method says otherwise, and treats the answer as GetJSON does. A nil
// in sends r.Body as it is; a nil out leaves the answer alone.
func (c *Client) PostJSON(ctx context.Context, r Request, in, out any) (*Response, error) {
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, &Error{Kind: KindRequest, Op: "post", Err: err}
		}
		r.Body = body
		if r.ContentType == "" {
			r.ContentType = "application/json"
		}
	}
	return c.exchange(ctx, r, out)
}

func (c *Client) exchange(ctx context.Context, r Request, out any) (*Response, error) {
	header := r.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	r.Header = header
	resp, err := c.Do(ctx, r)
	if err != nil || out == nil || resp.Status/100 != 2 || len(resp.Body) == 0 {
		return resp, err
	}
	if err := DecodeJSON(resp.Body, out); err != nil {
		origin, _ := Origin(r.URL)
		return resp, &Error{Kind: KindAnswer, Op: "read answer of", Origin: origin, Status: resp.Status, Err: err}
	}
	return resp, nil
}
