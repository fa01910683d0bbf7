package codegen

import (
	"context"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/fault"
)

// Providers of models.
const (
	Bedrock = "bedrock"
	OpenAI  = "openai"
	Offline = "offline"
)

// DefaultBedrock is the model used on AWS when nobody chose one.
const DefaultBedrock = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

// OfflineID is the model of one machine.
const OfflineID = "offline"

// OfflineModel is the embedded model: it costs nothing and needs no network.
func OfflineModel() Listed {
	return Listed{ID: OfflineID, Name: "Offline (a stated grammar of questions)", Provider: Offline, InputPerMillion: usd(0), OutputPerMil: usd(0)}
}

// BedrockModels are the cross-region inference profiles of the United States that orcray knows. Prices are AWS's public
// on-demand prices for these profiles (from Claude 4.5 on 10 % above the global profiles); they can change, and a bill is
// the truth. A price that is not known is absent.
func BedrockModels() []Listed {
	m := func(id, name string, prices ...float64) Listed {
		l := Listed{ID: id, Name: name, Provider: Bedrock}
		if len(prices) == 2 {
			l.InputPerMillion, l.OutputPerMil = usd(prices[0]), usd(prices[1])
		}
		return l
	}
	return []Listed{
		m(DefaultBedrock, "Claude Sonnet 4.5", 3.30, 16.50),
		m("us.anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5", 1.10, 5.50),
		m("us.anthropic.claude-opus-4-5-20251101-v1:0", "Claude Opus 4.5", 5.50, 27.50),
		m("us.anthropic.claude-opus-4-1-20250805-v1:0", "Claude Opus 4.1", 15, 75),
		m("us.anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6", 3.30, 16.50),
		m("us.anthropic.claude-opus-4-6-v1", "Claude Opus 4.6", 5.50, 27.50),
		m("us.amazon.nova-premier-v1:0", "Amazon Nova Premier", 2.50, 12.50),
		m("us.amazon.nova-pro-v1:0", "Amazon Nova Pro", 0.80, 3.20),
		m("us.amazon.nova-lite-v1:0", "Amazon Nova Lite", 0.06, 0.24),
		m("us.amazon.nova-micro-v1:0", "Amazon Nova Micro", 0.035, 0.14),
		m("us.amazon.nova-2-lite-v1:0", "Amazon Nova 2 Lite"),
	}
}

// BedrockCatalog offers the models of these ids, the first by default; without ids every model that is known. One that is not known here
// is offered under its id, without a price.
func BedrockCatalog(ids []string) (*Catalog, error) {
	known := BedrockModels()
	if len(ids) == 0 {
		return NewCatalog(DefaultBedrock, known)
	}
	var offered []Listed
	for _, id := range ids {
		at := slices.IndexFunc(known, func(l Listed) bool { return l.ID == id })
		if at < 0 {
			offered = append(offered, Listed{ID: id, Name: id, Provider: Bedrock})
			continue
		}
		offered = append(offered, known[at])
	}
	return NewCatalog(ids[0], offered)
}

func usd(price float64) *float64 { return &price }

// Catalog is the list of models a deployment offers.
type Catalog struct{ models []Listed }

// NewCatalog makes a catalogue of lists; the model named preferred is the default, and comes first. An id that is listed
// twice counts once. Errors: fault.Invalid when preferred is not in the lists.
func NewCatalog(preferred string, lists ...[]Listed) (*Catalog, error) {
	c := &Catalog{}
	for _, list := range lists {
		for _, m := range list {
			if c.index(m.ID) < 0 {
				m.Default = m.ID == preferred
				c.models = append(c.models, m)
			}
		}
	}
	if _, err := c.find(preferred); err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.models, func(a, b Listed) int {
		switch {
		case a.Default == b.Default:
			return 0
		case a.Default:
			return -1
		}
		return 1
	})
	return c, nil
}

// List gives the models, the default first.
func (c *Catalog) List() []Listed { return slices.Clone(c.models) }

// Lookup finds a model; "" is the default. Errors: fault.Invalid at /model, naming the nearest id that exists.
func (c *Catalog) Lookup(id string) (Listed, error) {
	if id == "" {
		return c.models[0], nil
	}
	return c.find(id)
}

// Resolve gives the id of a listed model, as Lookup does.
func (c *Catalog) Resolve(id string) (string, error) {
	listed, err := c.Lookup(id)
	return listed.ID, err
}

func (c *Catalog) index(id string) int {
	return slices.IndexFunc(c.models, func(m Listed) bool { return m.ID == id })
}

func (c *Catalog) find(id string) (Listed, error) {
	if i := c.index(id); i >= 0 {
		return c.models[i], nil
	}
	shown, _ := fit(id, maxName)
	best, least := "", 1<<30
	for _, m := range c.models {
		for _, known := range []string{m.ID, m.Name} {
			if d := distance(strings.ToLower(string(shown)), strings.ToLower(known)); d < least {
				best, least = m.ID, d
			}
		}
	}
	if best == "" {
		return Listed{}, fault.At("/model", "There is no model %s: no model is set up.", oneLine(shown))
	}
	return Listed{}, fault.At("/model", "There is no model %s; the nearest is %q. GET /api/v1/models lists them.", oneLine(shown), best)
}

// Cost gives the price of a call in USD; ok is false if the model's price is not known.
func (l Listed) Cost(u Usage) (dollars float64, ok bool) {
	if l.InputPerMillion == nil || l.OutputPerMil == nil {
		return 0, false
	}
	return (float64(u.InputTokens)**l.InputPerMillion + float64(u.OutputTokens)**l.OutputPerMil) / 1e6, true
}

// Router is the Model of a deployment: it hands each request to the adapter of the chosen model's provider.
type Router struct {
	catalog    *Catalog
	byProvider map[string]Model
}

// NewRouter makes a router; byProvider holds one adapter for each provider in use.
func NewRouter(catalog *Catalog, byProvider map[string]Model) *Router {
	return &Router{catalog, byProvider}
}

// Generate implements Model. An empty Request.Model is the default; the adapter always sees a listed id. Errors besides
// the adapter's: fault.Invalid for an unlisted model, fault.Unavailable for a provider that is not set up here.
func (r *Router) Generate(ctx context.Context, req Request, emit func(string)) (Reply, error) {
	listed, err := r.catalog.Lookup(req.Model)
	if err != nil {
		return Reply{}, err
	}
	model := r.byProvider[listed.Provider]
	if model == nil {
		return Reply{}, fault.New(fault.Unavailable, "The provider of %s is not set up here. Choose another model.", listed.Name)
	}
	req.Model = listed.ID
	return model.Generate(ctx, req, emit)
}
