package csv_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"harken/correlate/csv"
	"harken/ssf"
)

func spec() ssf.SourceSpec { return ssf.SourceSpec{ID: "people", Kind: "csv", Path: "people.csv"} }

func TestParseReadsEveryColumn(t *testing.T) {
	text := "\xef\xbb\xbfid,email,name,active,manager,department,title,labels\n" +
		"d-1,Ada@Exämple.com,Ada Lindqvist,true,d-2,Platform,Engineer,privileged;on call\n" +
		"d-2,,Hana Sato,no,,Platform,Lead,\n"
	got, err := csv.Parse(spec(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []ssf.Account{
		{
			Ref: ssf.AccountRef{Source: "people", ID: "d-1"}, Email: "Ada@Exämple.com", EmailKey: "ada@xn--exmple-cua.com",
			Name: "Ada Lindqvist", Active: true, Manager: "d-2", Department: "Platform", Title: "Engineer",
			Labels: []string{"privileged", "on call"},
		},
		{Ref: ssf.AccountRef{Source: "people", ID: "d-2"}, Name: "Hana Sato", Department: "Platform", Title: "Lead"},
	}
	if diff := cmp.Diff(want, got.Accounts); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got.BrokenCount != 0 || got.Unread {
		t.Errorf("broken rows %v, want none", got.Broken)
	}
}

func TestParseMapsColumnsAndDelimiter(t *testing.T) {
	s := spec()
	s.Delimiter, s.Columns = ";", ssf.ColumnSpec{ID: "employee_no", Email: "mail"}
	got, err := csv.Parse(s, []byte("mail;employee_no\na@b.example;7\n"))
	if err != nil || len(got.Accounts) != 1 || got.Accounts[0].Ref.ID != "7" || got.Accounts[0].EmailKey != "a@b.example" {
		t.Errorf("got %+v, %v; want account 7", got.Accounts, err)
	}
}

func TestParseKeepsTheRestOfABrokenFile(t *testing.T) {
	for _, tt := range []struct {
		name, rows string
		kept       string
		row        int
		message    string
		brokenID   string
		unread     bool
	}{
		{"too few fields", "a,a@x.example,A\nb,b@x.example\nc,c@x.example,C\n", "a c", 3, "2 fields, want 3", "b", false},
		{"same id", "a,a@x.example,A\na,b@x.example,B\nc,,C\n", "a c", 3, "stands in row 2", "a", false},
		{"no id", ",a@x.example,A\nc,,C\n", "c", 2, "no id", "", true},
		{"no address", "a,nobody,A\nc,,C\n", "c", 2, "not an e-mail", "a", false},
		{"bare quote", "a,a@x.example,A\nb,b@x\"y,B\nc,,C\n", "a c", 3, "not valid CSV", "", true},
		{"open quote", "a,a@x.example,A\nb,b@x.example,\"B\nc,,C\nd,,D\n", "a c d", 3, "not valid CSV", "", true},
		{"open quote that ends wrongly below", "a,\"\n\nb,,\"B\"\nc,,C\n", "b c", 2, "not valid CSV", "", true},
		{"bytes", "a,a@x.example,\xff\nc,,C\n", "c", 2, "UTF-8", "a", false},
	} {
		got, err := csv.Parse(spec(), []byte("id,email,name\n"+tt.rows))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var kept []string
		for _, a := range got.Accounts {
			kept = append(kept, a.Ref.ID)
		}
		if strings.Join(kept, " ") != tt.kept {
			t.Errorf("%s: kept %v, want %s", tt.name, kept, tt.kept)
		}
		if got.BrokenCount != 1 || got.Broken[0].Row != tt.row || !strings.Contains(got.Broken[0].Message, tt.message) {
			t.Errorf("%s: broken %v, want row %d with %q", tt.name, got.Broken, tt.row, tt.message)
		}
		if strings.Join(got.BrokenIDs, " ") != tt.brokenID || got.Unread != tt.unread {
			t.Errorf("%s: broken ids %v, unread %v; want %q, %v", tt.name, got.BrokenIDs, got.Unread, tt.brokenID, tt.unread)
		}
	}
}

func TestParseRefusesAFileWithoutItsColumns(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "empty",
		"email,name\n":      "no column id; it has email, name",
		"id,\"em\"ail\n1,2": "heading",
		"id,email,email\n":  "more than one column email",
	} {
		if _, err := csv.Parse(spec(), []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	s := spec()
	s.Columns.Email = "mail"
	if _, err := csv.Parse(s, []byte("id,email\n")); err == nil || !strings.Contains(err.Error(), "no column mail") {
		t.Errorf("got %v, want the named column to be missing", err)
	}
}

// The digest decides whether a sync has anything to do, so another way of reading the same bytes is another digest.
func TestTheDigestCoversHowTheFileIsRead(t *testing.T) {
	digest := func(change func(*ssf.SourceSpec)) string {
		s := spec()
		change(&s)
		l, err := csv.Parse(s, []byte("id,email,mail\n1,a@x.example,b@x.example\n"))
		if err != nil {
			t.Fatal(err)
		}
		return l.Digest
	}
	seen := map[string]string{}
	for name, change := range map[string]func(*ssf.SourceSpec){
		"plain": func(*ssf.SourceSpec) {}, "columns": func(s *ssf.SourceSpec) { s.Columns.Email = "mail" },
		"join": func(s *ssf.SourceSpec) { s.JoinBy = []string{"none"} },
	} {
		d := digest(change)
		if other := seen[d]; other != "" {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[d] = name
	}
	if digest(func(*ssf.SourceSpec) {}) != digest(func(s *ssf.SourceSpec) { s.Name = "People" }) {
		t.Error("another name for people changes the digest")
	}
}

func TestReadFileSaysWhatIsWrong(t *testing.T) {
	s := spec()
	s.Path = filepath.Join(t.TempDir(), "missing.csv")
	if _, err := csv.ReadFile(s); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("id,email,name\na,a@x.example,A\n\"b\n"))
	f.Add([]byte("id\n\n,\n1\n1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := csv.Parse(spec(), data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, a := range l.Accounts {
			if a.Ref.ID == "" || seen[a.Ref.ID] {
				t.Errorf("id %q is empty or stands twice", a.Ref.ID)
			}
			seen[a.Ref.ID] = true
		}
		if l.BrokenCount < len(l.Broken) {
			t.Errorf("%d rows counted, %d listed", l.BrokenCount, len(l.Broken))
		}
	})
}
