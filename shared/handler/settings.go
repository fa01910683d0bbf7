package handler

import (
	"context"
	"net/http"
	"slices"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/settings"
)

type settingsOutput struct {
	ETag string `header:"ETag"`
	Body Limits
}

// SettingsChange is what an admin decides; a save replaces the one before.
type SettingsChange struct {
	JobsPerMinute   *int    `json:"jobs_per_minute,omitempty" minimum:"1" maximum:"100000" doc:"jobs that one user may start in a minute"`
	ValidateSeconds *int    `json:"validate_seconds,omitempty" minimum:"1" maximum:"600" doc:"how long a program may run on the samples"`
	ExecuteSeconds  *int    `json:"execute_seconds,omitempty" minimum:"1" maximum:"3600" doc:"how long a program may run on the full data"`
	PlaceLimit      *int64  `json:"place_limit_bytes,omitempty" minimum:"1048576" maximum:"1099511627776" doc:"sources up to this size run in a cell, larger ones on the cluster"`
	Model           *string `json:"default_model,omitempty" minLength:"1" maxLength:"200" doc:"the model that is asked when a request names none"`
}

func (a *API) settingsRoutes() {
	register(a, route("get-settings", http.MethodGet, "/api/v1/settings", "settings", "Limits that clients should know"),
		func(ctx context.Context, _ *struct{}) (*settingsOutput, error) {
			return a.settingsReply(a.Settings.Current(ctx))
		})
	type change struct {
		Precondition
		Body SettingsChange
	}
	register(a, route("update-settings", http.MethodPut, "/api/v1/settings", "settings", "Save the settings; what is left out is as the deployment says"),
		func(ctx context.Context, in *change) (*settingsOutput, error) {
			need, err := a.settingsVersion(ctx, in.Precondition)
			if err != nil {
				return nil, err
			}
			return a.settingsReply(a.Settings.Put(ctx, settings.Change(in.Body), need))
		})
	register(a, route("reset-settings", http.MethodDelete, "/api/v1/settings", "settings", "Make all settings as the deployment says"),
		func(ctx context.Context, in *Precondition) (*settingsOutput, error) {
			need, err := a.settingsVersion(ctx, *in)
			if err != nil {
				return nil, err
			}
			return a.settingsReply(a.Settings.Reset(ctx, need))
		})
}

// settingsVersion gives the version that a change must find; without If-Match any will do.
func (a *API) settingsVersion(ctx context.Context, p Precondition) (*int64, error) {
	if p.IfMatch == "" || p.IfMatch == "*" {
		return nil, nil
	}
	_, version, err := a.Settings.Current(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.check(ctx, version); err != nil {
		return nil, err
	}
	return &version, nil
}

func (a *API) settingsReply(v settings.Values, version int64, err error) (*settingsOutput, error) {
	if err != nil {
		return nil, err
	}
	l := a.Limits
	l.JobsPerMinute, l.ValidateSeconds, l.ExecuteSeconds, l.PlaceLimitBytes, l.DefaultModel = v.JobsPerMinute, v.ValidateSeconds, v.ExecuteSeconds, v.PlaceLimit, v.Model
	return &settingsOutput{ETag: etag(version), Body: l}, nil
}

// models lists the models with the default that is in force, which comes first.
func (a *API) models(ctx context.Context) []codegen.Listed {
	all := append([]codegen.Listed{}, a.Models()...)
	chosen := a.Settings.Live(ctx).Model
	at := slices.IndexFunc(all, func(m codegen.Listed) bool { return m.ID == chosen })
	if at < 0 {
		return all // the deployment's own, or a model that is no longer there
	}
	first := all[at]
	all = slices.Insert(slices.Delete(all, at, at+1), 0, first)
	for i := range all {
		all[i].Default = i == 0
	}
	return all
}
