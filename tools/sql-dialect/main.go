// sql-dialect reads a JSON array of SQL statements and says what in them MySQL 8 or TiDB lacks: it parses them with TiDB's own parser and
// holds them against what TiDB's documentation lists as unsupported (docs.pingcap.com/tidb/stable/mysql-compatibility). What stores have
// not used before is refused too, until somebody has looked it up and adds it to a list below.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/pingcap/tidb/pkg/parser"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver"
)

func main() {
	var statements []string
	if err := json.NewDecoder(os.Stdin).Decode(&statements); err != nil {
		fmt.Fprintln(os.Stderr, "the input is a JSON array of statements:", err)
		os.Exit(2)
	}
	examples := byShape(statements)
	shapes := make([]string, 0, len(examples))
	for shape := range examples {
		shapes = append(shapes, shape)
	}
	sort.Strings(shapes)
	count := 0
	for _, shape := range shapes {
		for _, problem := range problemsOf(examples[shape]) {
			fmt.Printf("%s\n    in: %s\n", problem, abridged(shape))
			count++
		}
	}
	fmt.Printf("%d statements, %d shapes, %d problems\n", len(statements), len(shapes), count)
	if count > 0 {
		os.Exit(1)
	}
}

// byShape keeps one statement of those that differ by their values alone.
func byShape(statements []string) map[string]string {
	examples := map[string]string{}
	for _, statement := range statements {
		shape := parser.Normalize(statement, "ON")
		if _, known := examples[shape]; !known {
			examples[shape] = statement
		}
	}
	return examples
}

// problemsOf parses one statement by itself: a rule is told once for each.
func problemsOf(statement string) []string {
	nodes, warnings, err := parser.New().ParseSQL(statement)
	if err != nil {
		return []string{"TiDB does not parse it: " + strings.SplitN(err.Error(), "\n", 2)[0]}
	}
	found := &problems{}
	for _, warning := range warnings {
		found.add("TiDB warns: %v", warning)
	}
	for _, node := range nodes {
		found.inStatement(node)
		node.Accept(found)
	}
	return found.texts
}

func abridged(text string) string {
	const most = 300
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
