package stacks

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/orcray/orcray/shared/topology"
)

// Check says what must be built before the stacks can be made; stat is os.Stat.
func (c Config) Check(stat func(string) (fs.FileInfo, error)) error {
	for _, f := range topology.Orcray().Functions {
		if _, err := stat(filepath.Join(c.Functions, f.Name, "bootstrap")); err != nil {
			return fmt.Errorf("the function %s is not built in %s. Run `make functions`", f.Name, c.Functions)
		}
	}
	if _, err := stat(filepath.Join(c.Page, "index.html")); err != nil {
		return fmt.Errorf("the page is not built in %s. Build it with `npm ci && npm run build` in frontend", c.Page)
	}
	return nil
}
