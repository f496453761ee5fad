// testgrid prints, as JSON, the rows that TestGrid makes of a JUnit file: it follows the rules that TestGrid publishes,
// with the XML reader that TestGrid uses. It fails where TestGrid would lose something without a word.
package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

type result struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type testcase struct {
	Name       string  `xml:"name,attr"`
	Class      string  `xml:"classname,attr"`
	Time       float64 `xml:"time,attr"`
	Error      *result `xml:"error"`
	Failure    *result `xml:"failure"`
	Skipped    *result `xml:"skipped"`
	Properties []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	} `xml:"properties>property"`
}

type suite struct {
	Failures int        `xml:"failures,attr"`
	Tests    int        `xml:"tests,attr"`
	Inner    []suite    `xml:"testsuite"`
	Cases    []testcase `xml:"testcase"`
}

type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []suite  `xml:"testsuite"`
}

// Row is one line of the grid.
type Row struct {
	Name    string
	Class   string
	Status  string
	Metrics map[string]float64
	Message string
}

// A cell's message is cut to 140 characters, from the middle.
func shorten(text string) string {
	if len(text) < 140 {
		return text
	}
	return text[:70] + "..." + text[len(text)-70:]
}

func row(one testcase) Row {
	made := Row{Name: one.Name, Class: one.Class, Status: "PASS", Metrics: map[string]float64{}}
	for _, property := range one.Properties {
		// What is no number is no metric.
		if value, err := strconv.ParseFloat(property.Value, 64); err == nil {
			made.Metrics[property.Name] = value
		}
	}
	told := one.Skipped
	if one.Skipped != nil {
		made.Status = "PASS_WITH_SKIPS"
	}
	for _, bad := range []*result{one.Failure, one.Error} {
		if bad != nil {
			made.Status, told = "FAIL", bad
		}
	}
	if told != nil {
		made.Message = told.Message
		if told.Message != "" && told.Text != "" {
			made.Message += "\n"
		}
		made.Message = shorten(made.Message + told.Text)
	}
	return made
}

func gather(of suite) (cases []testcase, err error) {
	failures := 0
	for _, inner := range of.Inner {
		found, err := gather(inner)
		if err != nil {
			return nil, err
		}
		cases = append(cases, found...)
	}
	for _, one := range of.Cases {
		if one.Failure != nil || one.Error != nil {
			failures++
		}
	}
	cases = append(cases, of.Cases...)
	if failures != of.Failures || len(of.Cases) != of.Tests {
		err = fmt.Errorf("the suite counts %d tests and %d failures, and has %d and %d", of.Tests, of.Failures, len(of.Cases), failures)
	}
	return cases, err
}

func rows(path string) ([]Row, error) {
	if !regexp.MustCompile(`^junit.*\.xml$`).MatchString(filepath.Base(path)) {
		return nil, fmt.Errorf("TestGrid reads only files that are named junit*.xml")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all suites
	if err := xml.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	made := []Row{}
	seen := map[string]bool{}
	for _, of := range all.Suites {
		cases, err := gather(of)
		if err != nil {
			return nil, err
		}
		for _, one := range cases {
			if one.Skipped != nil && *one.Skipped == (result{}) {
				return nil, fmt.Errorf("%s is skipped without a reason: no row", one.Name)
			}
			if seen[one.Name] {
				return nil, fmt.Errorf("two rows are named %s", one.Name)
			}
			seen[one.Name] = true
			made = append(made, row(one))
		}
	}
	return made, nil
}

func main() {
	made, err := rows(os.Args[1])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(made)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
