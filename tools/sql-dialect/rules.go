package main

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

var (
	// Of the functions that TiDB documents, those that stores use.
	functions = setOf(`avg coalesce concat convert count database get_lock greatest group_concat if ifnull isnull least length lower max min octet_length
		release_lock row_count sha1 sum timestampdiff utc_timestamp uuid values`)
	// Session variables that TiDB knows.
	variables = setOf(`innodb_lock_wait_timeout lock_wait_timeout sql_mode transaction_isolation tx_isolation tx_isolation_one_shot wait_timeout
		max_allowed_packet`)
	// Character sets and collations are the few that TiDB has.
	charsets   = setOf(`ascii binary utf8mb4`)
	collations = setOf(`ascii_bin binary utf8mb4_bin`)
	// Words that MySQL 8 reserves and TiDB or MariaDB do not: no table, column or alias is called so.
	reserved = setOf(`cube cume_dist dense_rank empty except first_value function generated grouping groups intersect json_table lag
		last_value lateral lead manual nth_value ntile of optimizer_costs over parallel percent_rank qualify rank recursive row rows
		row_number stored system tablesample virtual window`)
)

// problems visits a statement and collects what is wrong with it.
type problems struct {
	texts []string
}

func (p *problems) add(format string, values ...any) {
	p.texts = append(p.texts, fmt.Sprintf(format, values...))
}

func (p *problems) inStatement(node ast.StmtNode) {
	switch statement := node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.BeginStmt, *ast.CommitStmt,
		*ast.RollbackStmt, *ast.DropTableStmt, *ast.TruncateTableStmt, *ast.CreateIndexStmt, *ast.DropIndexStmt, *ast.AlterTableStmt,
		*ast.ExplainStmt, *ast.KillStmt, *ast.SetStmt:
	case *ast.CreateTableStmt:
		p.inTable(statement)
	default:
		p.add("statements of this kind (%T) are not used by stores yet: see whether TiDB has them, and add it here", node)
	}
}

func (p *problems) Enter(node ast.Node) (ast.Node, bool) {
	switch n := node.(type) {
	case *ast.SelectStmt:
		p.inLock(n.LockInfo)
	case *ast.FuncCallExpr:
		p.inFunction(n.FnName.L)
	case *ast.AggregateFuncExpr:
		p.inFunction(strings.ToLower(n.F))
	case *ast.WindowFuncExpr:
		p.inFunction(strings.ToLower(n.Name))
	case *ast.VariableExpr:
		p.inVariable(n.Name, n.IsGlobal)
	case *ast.VariableAssignment:
		p.inVariable(n.Name, n.IsGlobal)
	case *ast.Join:
		if n.On != nil && hasSubquery(n.On) {
			p.add("TiDB takes no subquery in the condition of a join")
		}
	case *ast.IndexPartSpecification:
		if n.Desc {
			p.add("TiDB has no descending index: the word is ignored")
		}
	case *ast.Constraint:
		if n.Tp == ast.ConstraintFulltext {
			p.add("TiDB has no FULLTEXT index")
		}
	case *ast.ColumnName:
		p.inName(n.Name.L)
	case *ast.TableName:
		p.inName(n.Name.L)
	case *ast.SelectField:
		p.inName(n.AsName.L)
	case *ast.TableSource:
		p.inName(n.AsName.L)
	case *ast.ColumnDef:
		p.inCharset(n.Tp.GetCharset())
		p.inCollation(n.Tp.GetCollate())
	case *ast.ColumnOption:
		if n.Tp == ast.ColumnOptionCollate {
			p.inCollation(n.StrValue)
		}
	case *ast.AlterTableSpec:
		p.inAlteration(n)
	}
	return node, false
}

func (p *problems) Leave(node ast.Node) (ast.Node, bool) { return node, true }

func (p *problems) inLock(lock *ast.SelectLockInfo) {
	if lock == nil {
		return
	}
	switch lock.LockType {
	case ast.SelectLockNone, ast.SelectLockForUpdate, ast.SelectLockForUpdateNoWait:
	default:
		p.add("TiDB locks rows for update alone, waiting or not: %q is ignored or refused", lock.LockType.String())
	}
}

func (p *problems) inFunction(name string) {
	if !functions[name] {
		p.add("the function %s is not used by stores yet: see whether MySQL 8 and TiDB document it, and add it here", name)
	}
}

func (p *problems) inVariable(name string, isGlobal bool) {
	if !variables[strings.ToLower(name)] {
		p.add("the variable %s is not used by stores yet: see whether MySQL 8 and TiDB have it, and add it here", name)
	}
	if isGlobal {
		p.add("a store changes no global variable: %s", name)
	}
}

func (p *problems) inName(name string) {
	if reserved[name] {
		p.add("MySQL 8 reserves the word %q", name)
	}
}

func (p *problems) inCharset(name string) {
	if name != "" && !charsets[strings.ToLower(name)] {
		p.add("stores use the character sets ascii, binary and utf8mb4, not %s", name)
	}
}

func (p *problems) inCollation(name string) {
	if name != "" && !collations[strings.ToLower(name)] {
		p.add("stores compare by code point (utf8mb4_bin, ascii_bin, binary), not %s", name)
	}
}

func (p *problems) inTable(table *ast.CreateTableStmt) {
	if table.Select != nil {
		p.add("TiDB creates no table from a select")
	}
	for _, option := range table.Options {
		switch option.Tp {
		case ast.TableOptionCharset:
			p.inCharset(option.StrValue)
		case ast.TableOptionCollate:
			p.inCollation(option.StrValue)
		case ast.TableOptionEngine, ast.TableOptionComment:
		default:
			p.add("table options of this kind (%d, %q) are not used by stores yet: see whether TiDB has them, and add it here", option.Tp, option.StrValue)
		}
	}
	p.inPartitions(table)
}

// inPartitions: every unique key of a partitioned table holds the columns that it is partitioned by.
func (p *problems) inPartitions(table *ast.CreateTableStmt) {
	if table.Partition == nil {
		return
	}
	columns := &columnsIn{names: map[string]bool{}}
	table.Partition.Accept(columns)
	for _, name := range table.Partition.ColumnNames {
		columns.names[name.Name.L] = true
	}
	for _, constraint := range table.Constraints {
		switch constraint.Tp {
		case ast.ConstraintPrimaryKey, ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
		default:
			continue
		}
		keyed := map[string]bool{}
		for _, part := range constraint.Keys {
			if part.Column != nil {
				keyed[part.Column.Name.L] = true
			}
		}
		for name := range columns.names {
			if !keyed[name] {
				p.add("the unique key %q of a partitioned table must hold the column %s", constraint.Name, name)
			}
		}
	}
}

func (p *problems) inAlteration(spec *ast.AlterTableSpec) {
	switch spec.Tp {
	case ast.AlterTableAddColumns, ast.AlterTableAddConstraint, ast.AlterTableDropColumn, ast.AlterTableDropIndex,
		ast.AlterTableModifyColumn, ast.AlterTableAddPartitions, ast.AlterTableDropPartition, ast.AlterTableTruncatePartition,
		ast.AlterTableReorganizePartition:
	default:
		p.add("changes of tables of this kind (%d) are not used by stores yet: see whether TiDB has them, and add it here", spec.Tp)
	}
}

type columnsIn struct{ names map[string]bool }

func (c *columnsIn) Enter(node ast.Node) (ast.Node, bool) {
	if column, is := node.(*ast.ColumnName); is {
		c.names[column.Name.L] = true
	}
	return node, false
}
func (c *columnsIn) Leave(node ast.Node) (ast.Node, bool) { return node, true }

type subqueryIn struct{ found bool }

func hasSubquery(node ast.Node) bool {
	found := &subqueryIn{}
	node.Accept(found)
	return found.found
}
func (s *subqueryIn) Enter(node ast.Node) (ast.Node, bool) {
	if _, is := node.(*ast.SubqueryExpr); is {
		s.found = true
	}
	return node, false
}
func (s *subqueryIn) Leave(node ast.Node) (ast.Node, bool) { return node, true }
