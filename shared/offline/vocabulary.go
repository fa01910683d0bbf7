package offline

import "strings"

// vocabulary gives every word that some rule knows; it only serves to name the word that none knows.
func vocabulary() map[string]bool {
	known := map[string]bool{}
	add := func(phrases ...string) {
		for _, phrase := range phrases {
			for w := range strings.FieldsSeq(phrase) {
				known[w] = true
			}
		}
	}
	for phrase := range functions {
		add(phrase)
	}
	for phrase := range comparisons {
		add(phrase)
	}
	for phrase := range grains {
		add(phrase)
	}
	for phrase := range superlatives {
		add(phrase)
	}
	for phrase := range monthNames {
		add(phrase)
	}
	for phrase := range charts {
		add(phrase)
	}
	for phrase := range ordinals {
		add(phrase)
	}
	for phrase := range scales {
		add(phrase)
	}
	for phrase := range rowNouns {
		add(phrase)
	}
	for phrase := range reserved {
		add(phrase)
	}
	for _, list := range [][]string{leads, most, fewest, doing, drawing, descending, ascending, newestFirst, oldestFirst, alphabetic} {
		add(list...)
	}
	add(`show me give display calculate compute determine find get report return print list work out tell us see know value compare summarize
		please can you could would want like need let hi hello hey kindly count counts share percentage percent proportion histogram distribution distributed
		distinct different unique various common frequent most least missing empty null nulls blank values entries correlation correlate correlated correlates coefficient between versus vs against
		bins buckets intervals sorted ordered ranked sort order by limit top bottom best worst group grouped broken down split across within without except excluding contains contain containing
		starts begins ends with true false 's summary statistics describe half quarter percentile draw plot make create visualize graph chart there exist occur appear overall data dataset file table
		falls fall dated lies prior earlier strictly later newer since starting until end including till during throughout onwards onward their its this today
		yesterday next past present known filled given na being set lacking lack non outside apart leaving ignoring help let's summarise basis altogether
		together whole our my rows took place bring generate produce earn achieve achieved listed thanks thank so far stats key figures descriptive possible
		existing kinds found used hold represented available separated then x individual well plus along separate these those single respective leading
		strongest important weakest terms according measured frequently occurring commonest rarest visualise showing comparing using form them arranged
		frequency size result groups results ones linear pearson strong strongly gaps chosen into classes function goes belongs shares relative breakdown
		percentages doesn't letter letters text word one neither isn't either named called nor yet un
		there exist exists did does do make made sell sold get got only respectively
		people person persons 'd 're 've 'm 'll break down brought headcount how often answer survey still already currently youngest
		amount whats is are cells columns column lowest highest first last only just placed made recorded happened occurred total`)
	return known
}
