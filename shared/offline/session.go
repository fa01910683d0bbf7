package offline

import (
	"context"

	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
)

// SessionExamples gives questions that the selected sources of a session can answer.
func SessionExamples(sessions *session.Service) func(ctx context.Context, owner, id string) ([]string, error) {
	return func(ctx context.Context, owner, id string) ([]string, error) {
		all, err := sessions.Sources(ctx, owner, id)
		if err != nil {
			return nil, err
		}
		var ready []source.Source
		for _, s := range all {
			if s.State == source.Ready && s.Selected {
				ready = append(ready, s)
			}
		}
		return Examples(ready), nil
	}
}
