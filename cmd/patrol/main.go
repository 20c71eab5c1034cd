// Command patrol manages personal access tokens on Patrol and on Azure DevOps.
package main

import (
	"os"

	"github.com/patrolhq/patrol/internal/cli"
)

func main() { os.Exit(cli.Main()) }
