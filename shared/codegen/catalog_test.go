package codegen_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

func onAWS(t *testing.T) *codegen.Catalog {
	t.Helper()
	c, err := codegen.NewCatalog(codegen.DefaultBedrock, []codegen.Listed{codegen.OfflineModel()}, codegen.BedrockModels())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestR2_SonnetIsTheDefaultOnAWS(t *testing.T) {
	t.Parallel()
	list := onAWS(t).List()
	if list[0].ID != "us.anthropic.claude-sonnet-4-5-20250929-v1:0" || !list[0].Default {
		t.Errorf("the first is %+v", list[0])
	}
	defaults, ids := 0, map[string]bool{}
	for _, m := range list {
		if m.Default {
			defaults++
		}
		if m.ID == "" || m.Name == "" || m.Provider == "" || ids[m.ID] {
			t.Errorf("%+v", m)
		}
		ids[m.ID] = true
	}
	if defaults != 1 {
		t.Errorf("%d defaults", defaults)
	}
}

func TestR2_OfflineIsTheDefaultOnOneMachine(t *testing.T) {
	t.Parallel()
	c, err := codegen.NewCatalog(codegen.OfflineID, []codegen.Listed{{ID: "qwen", Name: "qwen", Provider: codegen.OpenAI}}, []codegen.Listed{codegen.OfflineModel()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Lookup("")
	if err != nil || m.ID != codegen.OfflineID || !m.Default {
		t.Errorf("%+v, %v", m, err)
	}
	if dollars, ok := m.Cost(codegen.Usage{InputTokens: 1000, OutputTokens: 1000}); !ok || dollars != 0 {
		t.Errorf("offline costs %v, %v", dollars, ok)
	}
}

func TestR2_PricesAreServedAndUnknownOnesAreAbsent(t *testing.T) {
	t.Parallel()
	sonnet, _ := onAWS(t).Lookup(codegen.DefaultBedrock)
	if dollars, ok := sonnet.Cost(codegen.Usage{InputTokens: 1_000_000, OutputTokens: 1_000_000}); !ok || dollars < 19 || dollars > 20 {
		t.Errorf("a million in and out costs %v, %v", dollars, ok)
	}
	unknown := codegen.Listed{ID: "x", Name: "x", Provider: codegen.OpenAI}
	if _, ok := unknown.Cost(codegen.Usage{InputTokens: 1}); ok {
		t.Error("an unknown price was taken for a price")
	}
	for m, want := range map[*codegen.Listed]bool{&sonnet: true, &unknown: false} {
		data, err := json.Marshal(m)
		if err != nil || strings.Contains(string(data), "usd_per_million") != want {
			t.Errorf("%s, %v", data, err)
		}
	}
	offline, _ := json.Marshal(codegen.OfflineModel())
	if !strings.Contains(string(offline), `"input_usd_per_million":0`) {
		t.Errorf("a price of nothing is a price: %s", offline)
	}
}

func TestR2_AnUnknownModelIsRefusedWithTheNearest(t *testing.T) {
	t.Parallel()
	for asked, nearest := range map[string]string{
		"us.anthropic.claude-sonet-4-5-20250929-v1:0": codegen.DefaultBedrock,
		"Claude Haiku 4.5":                            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
		"ofline":                                      codegen.OfflineID,
		"us.amazon.nova-prp-v1:0":                     "us.amazon.nova-pro-v1:0",
		strings.Repeat("`\n", 5000) + "nova":          "",
	} {
		_, err := onAWS(t).Lookup(asked)
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(fault.MessageOf(err), nearest) {
			t.Errorf("%.40q: %v", asked, err)
		}
		if message := fault.MessageOf(err); len(message) > 500 || strings.ContainsAny(message, "\n`") {
			t.Errorf("the message repeats what was asked: %q", message)
		}
	}
	if _, err := codegen.NewCatalog("nothing"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an empty catalogue: %v", err)
	}
}

func TestR2_TheRouterAsksTheModelsProvider(t *testing.T) {
	t.Parallel()
	bedrock := &scripted{steps: []func(func(string)) (codegen.Reply, error){replies(fine)}}
	router := codegen.NewRouter(onAWS(t), map[string]codegen.Model{codegen.Bedrock: bedrock})
	reply, err := router.Generate(t.Context(), codegen.Request{MaxTokens: 1}, func(string) {})
	if err != nil || reply != fine || bedrock.asked[0].Model != codegen.DefaultBedrock {
		t.Errorf("%+v, %v, asked %+v", reply, err, bedrock.asked)
	}
	if _, err := router.Generate(t.Context(), codegen.Request{Model: codegen.OfflineID}, nil); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a provider that is not set up: %v", err)
	}
	if _, err := router.Generate(t.Context(), codegen.Request{Model: "gpt"}, nil); fault.CodeOf(err) != fault.Invalid || bedrock.calls != 1 {
		t.Errorf("an unlisted model: %v after %d calls", err, bedrock.calls)
	}
}
