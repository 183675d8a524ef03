package rpc

import "context"

// harkNamespace is what Hark has of its own; it is there whatever the
// configuration says.
func harkNamespace(version string) Namespace {
	return Namespace{Name: "hark", Methods: []Method{
		{
			Name: "getVersion", ReadOnly: true,
			Returns: Param{"string", "version", "Hark's own version"},
			Help:    "Tell the version of Hark, where supervisor.getSupervisorVersion tells that of the Supervisor it stands in for.",
			Call:    func(context.Context, []any) (any, error) { return version, nil },
		},
	}}
}
