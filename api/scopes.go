package api

// AzureDevOpsScopes is the catalogue of the scopes that a personal access
// token of Azure DevOps can have, by area: those of its public table, app_token
// (full access), and a few names that it accepts without showing them. It is a
// fresh copy that the caller may change.
//
// app_token counts as one of high privilege, since it includes those that Azure
// DevOps documents so.
//
// Permissions that only access tokens carry, such as user_impersonation and
// vso.pats_manage, are not among them. Areas and descriptions are Patrol's.
func AzureDevOpsScopes() []Scope {
	none := []string{}
	return []Scope{
		// app_token includes everything; a list of it would never be complete.
		{"app_token", "Full access", "Everything that the owner may do", none, true},

		{"vso.advsec", "Advanced security", "See alerts and analyses", none, true},
		{"vso.advsec_write", "Advanced security", "Upload analyses in SARIF", []string{"vso.advsec"}, true},
		{"vso.advsec_manage", "Advanced security", "Change alerts and settings", []string{"vso.advsec_write"}, true},

		{"vso.agentpools", "Agent pools", "See pools, queues, agents and jobs", none, false},
		{"vso.agentpools_manage", "Agent pools", "Manage pools, queues and agents", []string{"vso.agentpools"}, true},
		{"vso.environment_manage", "Agent pools", "Manage environments and pools", []string{"vso.agentpools_manage"}, true},
		{"vso.machinegroup_manage", "Agent pools", "Manage deployment groups and pools", []string{"vso.agentpools_manage"}, true},

		{"vso.analytics", "Analytics", "Query analytics", none, false},

		{"vso.auditlog", "Audit", "Read the audit log", none, false},
		{"vso.auditstreams_manage", "Audit", "Manage where the audit log is streamed", []string{"vso.auditlog"}, true},

		{"vso.build", "Build", "See builds, definitions and requests", []string{"vso.hooks_write"}, false},
		{"vso.build_execute", "Build", "Queue and change builds", []string{"vso.build"}, true},

		{"vso.code", "Code", "Read and search source, commits and history", []string{"vso.hooks_write"}, false},
		{"vso.code_write", "Code", "Push and delete source, work with pull requests", []string{"vso.code"}, true},
		{"vso.code_manage", "Code", "Create, change and delete repositories", []string{"vso.code_write"}, true},
		{"vso.code_full", "Code", "All of that, also through older client libraries", []string{"vso.code_manage"}, true},
		{"vso.code_status", "Code", "Set the status of commits and pull requests", none, false},
		{"vso.threads_full", "Code", "Read and write comments on pull requests", none, false},

		{"vso.connected_server", "Connected server", "Call as a connected server on premises", none, false},

		{"vso.dashboards", "Dashboards", "See team dashboards", none, false},
		{"vso.dashboards_manage", "Dashboards", "Manage team dashboards", []string{"vso.dashboards"}, false},

		{"vso.drop", "Drop", "Download drops", none, false},
		{"vso.drop_write", "Drop", "Upload drops", []string{"vso.drop"}, false},
		{"vso.drop_manage", "Drop", "Delete drops", []string{"vso.drop_write"}, false},

		{"vso.entitlements", "Entitlements", "See licences of users", none, false},
		{"vso.memberentitlementmanagement", "Entitlements", "See users with their licences, projects and extensions", none, false},
		{"vso.memberentitlementmanagement_write", "Entitlements", "Manage users with their licences, projects and extensions", []string{"vso.memberentitlementmanagement"}, true},

		{"vso.extension", "Extensions", "See installed extensions", []string{"vso.profile"}, false},
		{"vso.extension_manage", "Extensions", "Install, remove and administer extensions", []string{"vso.extension"}, true},
		{"vso.extension.data", "Extensions", "Read the data of extensions", []string{"vso.profile"}, false},
		{"vso.extension.data_write", "Extensions", "Write the data of extensions", []string{"vso.extension.data"}, false},

		{"vso.githubconnections", "GitHub connections", "See connections to GitHub", none, false},
		{"vso.githubconnections_manage", "GitHub connections", "Manage connections to GitHub", []string{"vso.githubconnections"}, true},

		{"vso.governance", "Governance", "Work with component governance", none, false},

		{"vso.graph", "Graph", "See users, groups and memberships", none, false},
		{"vso.graph_manage", "Graph", "Add users and groups, change memberships", []string{"vso.graph"}, true},

		{"vso.identity", "Identity", "See identities and groups", none, false},
		{"vso.identity_manage", "Identity", "Manage identities and groups", []string{"vso.identity"}, true},

		{"vso.loadtest", "Load test", "See load tests and their results", none, false},
		{"vso.loadtest_write", "Load test", "Create and run load tests", []string{"vso.loadtest"}, false},

		{"vso.gallery", "Marketplace", "See items and publishers", []string{"vso.profile"}, false},
		{"vso.gallery_acquire", "Marketplace", "Acquire items", []string{"vso.gallery"}, false},
		{"vso.gallery_publish", "Marketplace", "Upload, change and share items", []string{"vso.gallery"}, true},
		{"vso.gallery_manage", "Marketplace", "Manage items and publishers", []string{"vso.gallery_publish"}, true},

		{"vso.notification", "Notifications", "See subscriptions and kinds of event", []string{"vso.profile"}, false},
		{"vso.notification_write", "Notifications", "Create and change subscriptions", []string{"vso.notification"}, false},
		{"vso.notification_manage", "Notifications", "Manage subscriptions of others", []string{"vso.notification_write"}, false},
		{"vso.notification_diagnostics", "Notifications", "Read diagnostic logs", []string{"vso.notification"}, false},

		{"vso.packaging", "Packaging", "Read feeds and packages", []string{"vso.profile"}, false},
		{"vso.packaging_write", "Packaging", "Create feeds and publish packages", []string{"vso.packaging"}, true},
		{"vso.packaging_manage", "Packaging", "Change and delete feeds and packages", []string{"vso.packaging_write"}, true},

		{"vso.pipelineresources_use", "Pipeline resources", "Approve the use of protected resources", none, true},
		{"vso.pipelineresources_manage", "Pipeline resources", "Manage protected resources", []string{"vso.pipelineresources_use"}, true},

		{"vso.profile", "Profile", "See your profile, accounts, projects and teams", none, false},
		{"vso.profile_write", "Profile", "Change your profile", []string{"vso.profile"}, false},

		{"vso.project", "Project and team", "See projects and teams", none, false},
		{"vso.project_write", "Project and team", "Change projects and teams", []string{"vso.project"}, false},
		{"vso.project_manage", "Project and team", "Create and delete projects and teams", []string{"vso.project_write"}, true},

		{"vso.release", "Release", "See releases and their definitions", []string{"vso.profile"}, false},
		{"vso.release_execute", "Release", "Create, change and deploy releases", []string{"vso.release"}, true},
		{"vso.release_manage", "Release", "Approve and delete releases", []string{"vso.release_execute"}, true},

		{"vso.securefiles_read", "Secure files", "Read secure files", none, true},
		{"vso.securefiles_write", "Secure files", "Add secure files", []string{"vso.securefiles_read"}, true},
		{"vso.securefiles_manage", "Secure files", "Manage secure files", []string{"vso.securefiles_write"}, true},

		{"vso.security_manage", "Security", "See and change permissions", none, true},

		{"vso.serviceendpoint", "Service connections", "See service connections", []string{"vso.profile"}, false},
		{"vso.serviceendpoint_query", "Service connections", "Call through service connections", []string{"vso.serviceendpoint"}, false},
		{"vso.serviceendpoint_manage", "Service connections", "Manage service connections", []string{"vso.serviceendpoint_query"}, true},

		{"vso.hooks", "Service hooks", "See subscriptions to service hooks", []string{"vso.profile"}, false},
		{"vso.hooks_write", "Service hooks", "Change subscriptions to service hooks", []string{"vso.hooks"}, false},
		{"vso.hooks_interact", "Service hooks", "Act on events of service hooks", []string{"vso.profile"}, false},

		{"vso.settings", "Settings", "Read settings", none, false},
		{"vso.settings_write", "Settings", "Change settings", []string{"vso.settings"}, false},

		{"vso.symbols", "Symbols", "Read symbols", []string{"vso.profile"}, false},
		{"vso.symbols_write", "Symbols", "Upload symbols", []string{"vso.symbols"}, false},
		{"vso.symbols_manage", "Symbols", "Manage symbols", []string{"vso.symbols_write"}, false},

		{"vso.taskgroups_read", "Task groups", "See task groups", none, false},
		{"vso.taskgroups_write", "Task groups", "Create task groups", []string{"vso.taskgroups_read"}, false},
		{"vso.taskgroups_manage", "Task groups", "Manage task groups", []string{"vso.taskgroups_write"}, true},

		{"vso.test", "Test management", "See test plans, cases and results", []string{"vso.profile"}, false},
		{"vso.test_write", "Test management", "Create and change test plans, cases and results", []string{"vso.test"}, false},

		{"vso.tokens", "Tokens", "Manage delegated authorization tokens", none, true},
		{"vso.tokenadministration", "Tokens", "See and revoke tokens of an organization's members", none, true},

		{"vso.variablegroups_read", "Variable groups", "See variable groups", none, false},
		{"vso.variablegroups_write", "Variable groups", "Create variable groups", []string{"vso.variablegroups_read"}, false},
		{"vso.variablegroups_manage", "Variable groups", "Manage variable groups", []string{"vso.variablegroups_write"}, true},

		{"vso.wiki", "Wiki", "Read and search wikis", none, false},
		{"vso.wiki_write", "Wiki", "Create and change wiki pages", []string{"vso.wiki"}, false},

		{"vso.work", "Work items", "See work items and boards, run queries", []string{"vso.hooks_write"}, false},
		{"vso.work_write", "Work items", "Create and change work items, boards and queries", []string{"vso.work"}, false},
		{"vso.work_full", "Work items", "All access to work items, also through older client libraries", []string{"vso.work_write"}, false},
	}
}
