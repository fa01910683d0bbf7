package wire

import (
	"fmt"
	"slices"

	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/topology"
)

// needs gives the variables that a function cannot do without: those that the wiring table gives it, and no other.
func needs(name string) ([]string, error) {
	app := topology.Orcray()
	at := slices.IndexFunc(app.Functions, func(f topology.Function) bool { return f.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("the wiring table has no function %q", name)
	}
	without := []string{topology.EnvModels, topology.EnvIdleStop, topology.EnvCellsWarm, topology.EnvCellsMax} // they have defaults
	need := slices.DeleteFunc(app.Functions[at].Env(), func(v string) bool { return slices.Contains(without, v) })
	return append(need, config.EnvRegion, config.EnvKeyID, config.EnvKeySecret), nil
}
