package functions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/topology"
)

// A start begins with fetching the binary, so what only one function needs must not grow into all.
func TestP6_EveryFunctionIsSmall(t *testing.T) {
	const most = 15_000_000
	for _, f := range topology.Orcray().Functions {
		info, err := os.Stat(runtimetest.BuildForAWS(t, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-10s %5.1f MB", f.Name, float64(info.Size())/1e6)
		if info.Size() > most {
			t.Errorf("%s has %d bytes, at most %d", f.Name, info.Size(), most)
		}
	}
}

func TestA5_TestsBuildFunctionsAsTheyAreDeployed(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(runtimetest.ModuleRoot(t), "scripts", "functions.sh"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(strings.NewReplacer("\\\n", " ", `"`, "").Replace(string(script))), " ")
	if flags := "go build " + strings.Join(runtimetest.Flags(), " ") + " -o"; !strings.Contains(text, flags) {
		t.Errorf("scripts/functions.sh does not say %s", flags)
	}
}
