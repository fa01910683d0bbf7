package handler

import (
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/settings"
)

const maxProgram = 200 << 10 // bytes; an item of the table must hold it

// longest is how many seconds a request may ask for.
func longest(l config.Limits) int {
	if l.LongestExecute > 0 {
		return int(l.LongestExecute.Seconds())
	}
	return settings.MaxExecute
}

// LimitsOf gives what clients are told of the settings.
func LimitsOf(l config.Limits) Limits {
	return Limits{MaxUploadBytes: int64(l.Upload), MaxQuestionBytes: int(l.Question), MaxProgramBytes: maxProgram, JobsPerMinute: l.JobsPerMinute,
		ValidateSeconds: int(l.ValidateTimeout.Seconds()), ExecuteSeconds: int(l.ExecuteTimeout.Seconds()), MaxExecute: longest(l),
		PlaceLimitBytes: int64(l.Place)}
}

// ValuesOf gives what an admin may change of the settings; model is the one that the deployment begins with.
func ValuesOf(l config.Limits, model string) settings.Values {
	return settings.Values{JobsPerMinute: l.JobsPerMinute, ValidateSeconds: int(l.ValidateTimeout.Seconds()), ExecuteSeconds: int(l.ExecuteTimeout.Seconds()),
		PlaceLimit: int64(l.Place), Model: model, LongestExecute: int(l.LongestExecute.Seconds())}
}

// RulesOf gives what jobs are held to: the same limits.
func RulesOf(l config.Limits) job.Rules {
	return job.Rules{MaxPrompt: int(l.Question), MaxCode: maxProgram, PerMinute: l.JobsPerMinute,
		ValidateSeconds: int(l.ValidateTimeout.Seconds()), ExecuteSeconds: int(l.ExecuteTimeout.Seconds()), MaxExecute: longest(l)}
}
