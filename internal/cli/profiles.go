package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func (p *program) profileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "List, choose and remove profiles",
		Long: `A profile is an organization on a server, as one user. "patrol login" makes them.
Commands use the current one, or the one that --profile or PATROL_PROFILE names,
or one that belongs to --server.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.profileListCommand(),
		&cobra.Command{
			Use: "use NAME", Short: "Make a profile the current one", Args: cobra.ExactArgs(1),
			ValidArgsFunction: p.completeProfiles,
			RunE:              func(_ *cobra.Command, args []string) error { return p.profileUse(args[0]) },
		},
		&cobra.Command{
			Use: "remove NAME...", Short: "Forget profiles with their credentials", Args: cobra.MinimumNArgs(1),
			ValidArgsFunction: p.completeProfiles,
			RunE:              func(_ *cobra.Command, args []string) error { return p.profileRemove(args) },
		})
	return cmd
}

// listedProfile is what "profile list" prints.
type listedProfile struct {
	Name         string `json:"name"`
	Server       string `json:"server"`
	Organization string `json:"organization"`
	User         string `json:"user"`
	Current      bool   `json:"current"`
}

func (p *program) profileListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the profiles", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.profileList(asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (p *program) profileList(asJSON bool) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	listed := []listedProfile{}
	t := table{columns: []column{{heading: "NAME"}, {heading: "SERVER"}, {heading: "ORGANIZATION"}, {heading: "USER"}, {heading: ""}}}
	for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
		known := c.Profiles[name]
		listed = append(listed, listedProfile{name, known.Server, known.Organization, known.User, name == c.Current})
		current := text("")
		if name == c.Current {
			current = cell{plain: "current", paint: p.out.good}
		}
		t.rows = append(t.rows, []cell{text(name), text(known.Server), text(known.Organization), text(known.User), current})
	}
	if asJSON {
		return p.out.json(listed)
	}
	return p.out.table(t)
}

func (p *program) profileUse(name string) error {
	return p.changeConfig(func(c *config) error {
		if err := c.mustHave(name); err != nil {
			return err
		}
		c.Current = name
		return nil
	})
}

func (p *program) profileRemove(names []string) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	for _, name := range names { // nothing is removed where one is missing
		if err := c.mustHave(name); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := p.forget(name); err != nil {
			return err
		}
		p.notes.printf("removed %s\n", name)
	}
	return nil
}

func (c config) mustHave(name string) error {
	if _, ok := c.Profiles[name]; !ok {
		return fail(exitNotFound, "there is no profile %q", name).with("\"patrol profile list\" shows them")
	}
	return nil
}

func (p *program) completeProfiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := p.loadConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(c.Profiles)), cobra.ShellCompDirectiveNoFileComp
}
