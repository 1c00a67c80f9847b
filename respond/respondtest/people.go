package respondtest

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Person is one member of the directory.
type Person struct {
	// ID is the directory's account id, such as "d-7f3a91c2".
	ID string
	// Account is the id of the person's account in the CRM, such as "C-1042". Empty where there is none.
	Account    string
	Email      string
	Name       string
	Department string
	Title      string
	// Manager is the ID of the manager, empty at the top.
	Manager string
	// Labels such as "privileged" and "protected".
	Labels []string
	// Inactive marks those who left.
	Inactive bool
}

// Addresses with a part in the demo's story.
const (
	// SharedEmail belongs to two people at once, so that it names nobody.
	SharedEmail = "frontdesk@example.com"
	// UnknownEmail belongs to nobody.
	UnknownEmail = "former.contractor@example.com"
	// BusyEmail is the person who is signed in on three devices.
	BusyEmail = "amara.okafor@example.com"
	// LeakedEmail is the person whose password appears in a leak.
	LeakedEmail = "tomas.novak@example.com"
	// PrivilegedEmail is an administrator.
	PrivilegedEmail = "priya.raman@example.com"
)

// row is one line of the roster: name, department, title, manager's name, labels, and an address where it does not follow
// from the name.
type row struct{ name, department, title, manager, labels, email string }

func roster() []row {
	return []row{
		{"Helena Brandt", "Management", "Chief Executive", "", "protected", ""},
		{"Marcus Adeyemi", "Finance", "Chief Financial Officer", "Helena Brandt", "", ""},
		{"Yuki Tanaka", "Engineering", "Chief Technology Officer", "Helena Brandt", "privileged", ""},
		{"Leïla Benali", "Sales", "Head of Sales", "Helena Brandt", "", "leila.benali@example.com"},
		{"Grace Mwangi", "People", "Head of People", "Helena Brandt", "", ""},
		{"Priya Raman", "IT", "Systems Administrator", "Yuki Tanaka", "privileged", PrivilegedEmail},
		{"Søren Lindqvist", "IT", "Identity Engineer", "Yuki Tanaka", "privileged", "soren.lindqvist@example.com"},
		{"Daniel Fischer", "IT", "Service Desk Lead", "Priya Raman", "", ""},
		{"Chloe Martin", "IT", "Service Desk Agent", "Daniel Fischer", "", ""},
		{"Emergency Access", "IT", "Break-glass account", "Priya Raman", "privileged;protected", "emergency@example.com"},
		{"Amara Okafor", "Sales", "Account Executive", "Leïla Benali", "", BusyEmail},
		{"Tomáš Novák", "Sales", "Account Executive", "Leïla Benali", "", LeakedEmail},
		{"Isabel Ferreira", "Sales", "Account Executive", "Leïla Benali", "", ""},
		{"Ji-woo Park", "Sales", "Sales Engineer", "Leïla Benali", "", "jiwoo.park@example.com"},
		{"Oliver Bennett", "Sales", "Sales Development", "Amara Okafor", "", ""},
		{"Fatima Zahra", "Sales", "Sales Development", "Amara Okafor", "", ""},
		{"Mateo Ruiz", "Sales", "Partner Manager", "Leïla Benali", "", ""},
		{"Nora Haugen", "Support", "Head of Support", "Leïla Benali", "", ""},
		{"Kwame Asante", "Support", "Support Specialist", "Nora Haugen", "", ""},
		{"Linh Nguyen", "Support", "Support Specialist", "Nora Haugen", "", ""},
		{"Aoife Byrne", "Support", "Support Specialist", "Nora Haugen", "", ""},
		{"Rafael Souza", "Support", "Support Specialist", "Nora Haugen", "", ""},
		{"Ingrid Vos", "Office", "Receptionist", "Grace Mwangi", "", SharedEmail},
		{"Pavel Horak", "Office", "Receptionist", "Grace Mwangi", "", SharedEmail},
		{"Sofia Rossi", "Office", "Facilities Manager", "Grace Mwangi", "", ""},
		{"Ahmed Mansour", "Engineering", "Engineering Manager", "Yuki Tanaka", "", ""},
		{"Emily Carter", "Engineering", "Software Engineer", "Ahmed Mansour", "", ""},
		{"Wei Zhang", "Engineering", "Software Engineer", "Ahmed Mansour", "", ""},
		{"Lukas Schneider", "Engineering", "Software Engineer", "Ahmed Mansour", "", ""},
		{"Anjali Mehta", "Engineering", "Site Reliability Engineer", "Ahmed Mansour", "privileged", ""},
		{"Dmitri Volkov", "Engineering", "Database Engineer", "Ahmed Mansour", "privileged", ""},
		{"Hannah Cohen", "Engineering", "Quality Engineer", "Ahmed Mansour", "", ""},
		{"Carlos Mendoza", "Finance", "Controller", "Marcus Adeyemi", "", ""},
		{"Zainab Hussein", "Finance", "Accountant", "Marcus Adeyemi", "", ""},
		{"Peter Kowalski", "Finance", "Payroll Specialist", "Marcus Adeyemi", "", ""},
		{"Thandiwe Dlamini", "People", "Recruiter", "Grace Mwangi", "", ""},
		{"Jonas Weber", "People", "People Partner", "Grace Mwangi", "", ""},
		{"Camille Laurent", "Marketing", "Head of Marketing", "Helena Brandt", "", ""},
		{"Diego Castillo", "Marketing", "Content Designer", "Camille Laurent", "", ""},
		{"Mei Lin", "Marketing", "Campaign Manager", "Camille Laurent", "", ""},
		{"Viktor Petrov", "Sales", "Account Executive", "Leïla Benali", "", ""},
	}
}

// People returns the directory, the same at every call. One person has left (Inactive), one has no CRM account, and two
// share SharedEmail. The caller owns the result.
func People() []Person {
	rows := roster()
	ids := make(map[string]string, len(rows))
	for _, r := range rows {
		sum := sha256.Sum256([]byte("directory:" + r.name))
		ids[r.name] = "d-" + hex.EncodeToString(sum[:4])
	}
	people := make([]Person, 0, len(rows))
	for i, r := range rows {
		email := r.email
		if email == "" {
			email = strings.ToLower(strings.ReplaceAll(r.name, " ", ".")) + "@example.com"
		}
		p := Person{
			ID: ids[r.name], Email: email, Name: r.name, Department: r.department, Title: r.title, Manager: ids[r.manager],
			// 17 and 41 have no common factor, so the CRM's numbers are unique and in another order than the directory.
			Account: "C-" + strconv.Itoa(1001+(i*17)%41), Inactive: r.name == "Viktor Petrov",
		}
		if r.name == "Emergency Access" {
			p.Account = ""
		}
		if r.labels != "" {
			p.Labels = strings.Split(r.labels, ";")
		}
		people = append(people, p)
	}
	return people
}

// WritePeople writes the directory as CSV with a heading: id, email, name, active, manager, department, title and labels,
// which are separated by semicolons.
func WritePeople(w io.Writer, people []Person) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"id", "email", "name", "active", "manager", "department", "title", "labels"}}
	for _, p := range people {
		rows = append(rows, []string{
			p.ID, p.Email, p.Name, strconv.FormatBool(!p.Inactive), p.Manager, p.Department, p.Title, strings.Join(p.Labels, ";"),
		})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	return nil
}

// WriteAccounts writes the CRM's accounts as CSV with a heading: id, email, name, active.
func WriteAccounts(w io.Writer, accounts []Account) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"id", "email", "name", "active"}}
	for _, a := range accounts {
		rows = append(rows, []string{a.ID, a.Email, a.Name, strconv.FormatBool(a.Enabled)})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	return nil
}
