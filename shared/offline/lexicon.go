package offline

import "strings"

// The words the grammar knows. Everything here is read only; what is not here, not a column and not a value is refused.

var irregular = map[string]string{"people": "person", "children": "child", "men": "man", "women": "woman", "status": "status", "buses": "bus", "statuses": "status", "bonuses": "bonus", "classes": "class", "indices": "index"}

// functions maps the words for an aggregate to its name in a program.
var functions = map[string]string{
	"total": "sum", "sum": "sum", "sum total": "sum", "combined": "sum", "overall": "sum", "summed": "sum", "summed up": "sum", "total sum": "sum", "total amount": "sum",
	"average": "mean", "mean": "mean", "avg": "mean", "arithmetic mean": "mean",
	"median": "median", "typical median": "median",
	"minimum": "min", "min": "min", "lowest": "min", "smallest": "min", "least": "min", "minimal": "min", "shortest": "min",
	"maximum": "max", "max": "max", "highest": "max", "largest": "max", "biggest": "max", "greatest": "max", "maximal": "max", "longest": "max", "top": "max",
	"standard deviation": "std", "std": "std", "stdev": "std", "std dev": "std", "stddev": "std", "sd": "std", "variance": "var", "var": "var", "range": "range",
	"earliest": "first", "first": "first", "oldest": "old", "youngest": "young", "latest": "last", "last": "last", "newest": "last", "most recent": "last",
	"lower quartile": "q25", "first quartile": "q25", "upper quartile": "q75", "third quartile": "q75",
}

// additive names quantities whose plain mention means their total: "revenue by region" can only be a sum.
var additive = set("revenue sales turnover umsatz income profit cost costs expense expenses spend spending quantity qty units amount volume hours visits clicks views downloads orders sold budget tax consumption production donations passengers emissions rainfall goals payments fees")

// weak words say too little to stand for a longer column name: "cost" is not shipping_cost.
var weak = set("cost amount value total rate number count size index level time type code key flag percent ratio id no text note sales")

// neutral words can be dropped from the front of a column's name without changing what it means.
var neutral = set("total unit overall customer's")

// units at the end of a column's name are not part of what people call it.
var units = set("usd eur gbp chf jpy dollars euros cents euro dollar kg g mg lb lbs km m cm mm mi miles ms s sec secs seconds min mins minutes h hr hrs hours days pct percent percentage c f celsius fahrenheit kwh kw mw l ml litres liters pcs billion million thousand bn mio inr cny k mb gb bytes")

// endings of names that identify something, and of names that hold a day.
var (
	entityEndings = set("id name no nr number code key title label")
	dateEndings   = set("date at on day time datetime timestamp datum dt")
	boolPrefixes  = set("is has was had are did can")
)

// synonyms are groups of words that name the same thing. They count only when exactly one column is reached by them.
var synonyms = [][]string{
	{"revenue", "sales", "turnover", "umsatz", "sales revenue", "sales amount"},
	{"quantity", "qty", "units", "menge", "stück", "stueck", "anzahl", "pieces", "units sold", "items sold", "quantity sold"},
	{"price", "preis", "unit price", "price per unit"},
	{"country", "nation", "land"}, {"city", "town", "stadt", "ort"}, {"region", "territory"},
	{"customer", "client", "buyer", "kunde"}, {"employee", "worker", "staff member"}, {"salary", "pay", "wage", "gehalt"},
	{"date", "datum"}, {"gender", "sex", "geschlecht"}, {"category", "kategorie"}, {"temperature", "temp", "temperatur"},
	{"profit", "gewinn"}, {"discount", "rebate", "rabatt"}, {"department", "dept", "abteilung"}, {"product", "item", "article", "artikel", "produkt"},
	{"weight", "mass", "gewicht"}, {"expense", "spending", "expenditure"}, {"year", "jahr"}, {"month", "monat"}, {"age", "alter", "aged"},
	{"humidity", "feuchte"}, {"latitude", "lat"}, {"longitude", "lon", "lng"}, {"vendor", "supplier"}, {"shop", "store", "filiale"},
}

// rowNouns mean the rows of a source, whatever they hold.
var rowNouns = set("row record entry line observation datapoint measurement-row")

// plainNames of files say nothing about what their rows are.
var plainNames = set("data dataset file export final table list sample test all report upload copy new old raw clean full csv dump the of v1 v2 v3 daily monthly yearly input output")

// reserved words never count as a value without their column being named.
var reserved = set("a an the and or not no yes in on at by for of to from with without is are was were be top all any each every per total sum average mean median min max count number how many much what which who when where show list first last new old high low more less than over under between before after day week month quarter year date none null nan true false may march other unknown i we it as do have has n")

// impliedColumns are the columns that a comparison names by itself.
var impliedColumns = map[string]string{"older than": "age", "younger than": "age", "cheaper than": "price", "more expensive than": "price", "heavier than": "weight", "lighter than": "weight", "longer than": "duration", "shorter than": "duration"}

var numberWords = map[string]float64{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "fifty": 50, "hundred": 100, "zero": 0,
}

var scales = map[string]float64{"thousand": 1e3, "million": 1e6, "billion": 1e9, "mio": 1e6}

// grains of time a trend can have; the adjective and the noun mean the same.
var grains = map[string]string{
	"day": "day", "days": "day", "daily": "day", "calendar day": "day", "week": "week", "weeks": "week", "weekly": "week", "calendar week": "week",
	"month": "month", "months": "month", "monthly": "month", "calendar month": "month", "quarter": "quarter", "quarters": "quarter", "quarterly": "quarter",
	"year": "year", "years": "year", "yearly": "year", "annual": "year", "annually": "year", "weekday": "weekday", "weekdays": "weekday", "day of the week": "weekday", "day of week": "weekday",
}

var monthNames = map[string]int{
	"january": 1, "jan": 1, "february": 2, "feb": 2, "march": 3, "mar": 3, "april": 4, "apr": 4, "may": 5, "june": 6, "jun": 6, "july": 7, "jul": 7, "august": 8, "aug": 8,
	"september": 9, "sep": 9, "sept": 9, "october": 10, "oct": 10, "november": 11, "nov": 11, "december": 12, "dec": 12,
}

// superlatives name a column and a direction in one word. Only the column's name decides whether they fit.
var superlatives = map[string]struct {
	columns string
	desc    bool
}{
	"cheapest": {"price", false}, "least expensive": {"price", false}, "most expensive": {"price", true}, "priciest": {"price", true}, "dearest": {"price", true},
	"oldest": {"age", true}, "youngest": {"age", false}, "heaviest": {"weight", true}, "lightest": {"weight", false},
	"latest": {"@date", true}, "newest": {"@date", true}, "most recent": {"@date", true}, "earliest": {"@date", false}, "last": {"@date", true},
	"tallest": {"height", true}, "hottest": {"temperature", true}, "warmest": {"temperature", true}, "coldest": {"temperature", false}, "best paid": {"salary", true}, "highest paid": {"salary", true}, "lowest paid": {"salary", false},
	"most populous": {"population", true}, "fastest": {"speed", true}, "slowest": {"speed", false}, "longest": {"duration", true}, "shortest": {"duration", false},
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}
