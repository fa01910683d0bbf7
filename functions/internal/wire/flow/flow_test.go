package flow

import (
	"testing"

	"github.com/orcray/orcray/shared/aws/sts"
	"github.com/orcray/orcray/shared/config"
)

// The granter refuses more than an hour, and a run would end in that refusal.
func TestN7_CredentialsOfTheLongestRunAreGranted(t *testing.T) {
	if longest := config.LongestExecute + credsTTL; longest > sts.MaxLife {
		t.Errorf("credentials of %s are asked for, and %s are granted", longest, sts.MaxLife)
	}
}
