// Package csv reads a list of people from a CSV file. It keeps what is right and names each row that is not; it never
// guesses at a broken row.
package csv

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"harken/ssf"
	"harken/ssf/subject"
)

// MaxBytes is the largest file that is read.
const MaxBytes = 64 << 20

// maxRowErrors is how many broken rows are listed; all are counted.
const maxRowErrors = 20

// Listing is what a file holds.
type Listing struct {
	Accounts []ssf.Account
	// Digest is the hex SHA-256 of the file's bytes and of what the source says about reading them: other columns make
	// other accounts of the same bytes.
	Digest string
	// Broken lists rows that were left out, at most 20; BrokenCount is their full number.
	Broken      []ssf.RowError
	BrokenCount int
	// BrokenIDs are native ids of rows that were left out: their accounts are not known to be gone.
	BrokenIDs []string
	// Unread is set when a row was so broken that its id could not be read: then nothing is known to be gone.
	Unread bool
}

// ReadFile reads the file of a source.
func ReadFile(spec ssf.SourceSpec) (Listing, error) {
	f, err := os.Open(spec.Path)
	if err != nil {
		return Listing{}, fmt.Errorf("open the CSV file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Listing{}, fmt.Errorf("read the CSV file: %w", err)
	}
	if len(data) > MaxBytes {
		return Listing{}, fmt.Errorf("the CSV file is larger than %d MiB", MaxBytes>>20)
	}
	return Parse(spec, data)
}

// Parse reads the bytes of a file. Accounts come without identity, in the file's order.
func Parse(spec ssf.SourceSpec, data []byte) (Listing, error) {
	out := Listing{Digest: digest(spec, data)}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	r := newReader(spec, data)
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return out, errors.New("the CSV file is empty: the first row must name the columns")
	}
	if err != nil {
		return out, fmt.Errorf("the heading of the CSV file: %w", err)
	}
	cols, err := mapColumns(spec.Columns, head)
	if err != nil {
		return out, err
	}
	p := parser{spec: spec, cols: cols, width: len(head), out: &out, seen: map[string]int{}}
	skipped := 0 // lines before those that r reads
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		var bad *csv.ParseError
		switch {
		case errors.As(err, &bad):
			out.Unread = true
			p.broken(skipped+bad.StartLine, "", "not valid CSV: "+bad.Err.Error())
			if bad.Line > bad.StartLine { // a quote that is never closed must not swallow the rows below it
				data = after(data, bad.StartLine)
				skipped += bad.StartLine
				r = newReader(spec, data)
			}
		case err != nil:
			return out, fmt.Errorf("read the CSV file: %w", err)
		default:
			line, _ := r.FieldPos(0)
			p.row(skipped+line, record)
		}
	}
}

func newReader(spec ssf.SourceSpec, data []byte) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	if spec.Delimiter != "" {
		r.Comma = rune(spec.Delimiter[0])
	}
	return r
}

// digest covers the bytes and how they are read.
func digest(spec ssf.SourceSpec, data []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", spec.Columns, spec.Delimiter, spec.JoinBy)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// after returns what follows the first n lines.
func after(data []byte, n int) []byte {
	for range n {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return nil
		}
		data = data[i+1:]
	}
	return data
}

// columns are positions in a row; -1 is a column that the file does not have.
type columns struct{ id, email, userName, name, active, manager, department, title, labels int }

func mapColumns(spec ssf.ColumnSpec, head []string) (columns, error) {
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	var missing, twice []string
	at := func(named, own string) int {
		want := named
		if want == "" {
			want = own
		}
		i := slices.Index(head, want)
		if i < 0 && (named != "" || own == "id") {
			missing = append(missing, want)
		}
		if i >= 0 && slices.Contains(head[i+1:], want) {
			twice = append(twice, want)
		}
		return i
	}
	c := columns{
		id: at(spec.ID, "id"), email: at(spec.Email, "email"), userName: at(spec.UserName, "user_name"),
		name: at(spec.Name, "name"), active: at(spec.Active, "active"), manager: at(spec.Manager, "manager"),
		department: at(spec.Department, "department"), title: at(spec.Title, "title"), labels: at(spec.Labels, "labels"),
	}
	if len(missing) > 0 {
		return c, fmt.Errorf("the CSV file has no column %s; it has %s",
			strings.Join(missing, ", "), strings.Join(head, ", "))
	}
	if len(twice) > 0 {
		return c, fmt.Errorf("the CSV file has more than one column %s: which one counts is not known", strings.Join(twice, ", "))
	}
	return c, nil
}

type parser struct {
	spec  ssf.SourceSpec
	cols  columns
	width int
	out   *Listing
	seen  map[string]int // native id → row
}

func (p *parser) broken(row int, id, message string) {
	p.out.BrokenCount++
	if len(p.out.Broken) < maxRowErrors {
		p.out.Broken = append(p.out.Broken, ssf.RowError{Row: row, Message: message})
	}
	if id != "" {
		p.out.BrokenIDs = append(p.out.BrokenIDs, id)
	}
}

func (p *parser) row(line int, record []string) {
	field := func(i int) string {
		if i < 0 || i >= len(record) {
			return ""
		}
		return strings.TrimSpace(record[i])
	}
	id := field(p.cols.id)
	switch first, twice := p.seen[id]; {
	case id == "":
		p.out.Unread = true
		p.broken(line, "", "no id")
		return
	case twice:
		p.broken(line, id, fmt.Sprintf("the id stands in row %d already", first))
		return
	}
	p.seen[id] = line
	if len(record) != p.width {
		p.broken(line, id, fmt.Sprintf("%d fields, want %d as in the heading", len(record), p.width))
		return
	}
	for _, text := range record {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			p.broken(line, id, "not valid UTF-8 text")
			return
		}
	}
	a := ssf.Account{
		Ref: ssf.AccountRef{Source: p.spec.ID, ID: id}, Email: field(p.cols.email), UserName: field(p.cols.userName),
		Name: field(p.cols.name), Manager: field(p.cols.manager), Department: field(p.cols.department),
		Title: field(p.cols.title), Labels: labels(field(p.cols.labels)),
	}
	var ok bool
	if a.Active, ok = active(field(p.cols.active)); !ok {
		p.broken(line, id, "the column for active must hold true or false")
		return
	}
	if a.Email != "" {
		key, err := subject.EmailKey(a.Email)
		if err != nil {
			p.broken(line, id, "not an e-mail address")
			return
		}
		a.EmailKey = key
	}
	p.out.Accounts = append(p.out.Accounts, a)
}

func active(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "", "true", "1", "yes", "active", "enabled":
		return true, true
	case "false", "0", "no", "inactive", "disabled":
		return false, true
	}
	return false, false
}

// labels splits a cell at "|", ";" and ",".
func labels(text string) (out []string) {
	for _, l := range strings.FieldsFunc(text, func(r rune) bool { return r == '|' || r == ';' || r == ',' }) {
		if l = strings.TrimSpace(l); l != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
