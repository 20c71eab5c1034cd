// Package api has the JSON bodies and enums of the Azure DevOps PAT Lifecycle
// API, and of Patrol's own additions to it, in the shapes that travel: field
// names, order and nullability are those of the wire. It decides nothing.
package api
