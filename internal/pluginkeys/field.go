// Package pluginkeys is the keys of a plugin's sections: the struct of an author becomes a description of them by its tags,
// the host checks a section against the description, and the plugin fills the struct. The tag hark names the key and then
// its flags; the tags doc, choices, min, max and schemes say more. Internally, mapstructure decodes.
package pluginkeys

// Field is one key of a section.
type Field struct {
	Key      string
	Type     FieldType
	Default  string // as it would be written; "" for none
	Required bool
	Secret   bool     // never shown; KEY_file names a file that holds it
	Doc      string   // one line, for people
	Choices  []string // of a Choice
	Min, Max string   // of numbers, sizes and times: bounds, as they would be written; Max of a Text: its bytes, of a List or Map: its entries; "" for none
	Zero     bool     // 0 is taken too, whatever Min
	Schemes  []string // of a Text that is an address: what it may begin with, before "://"
	Host     bool     // of a Text that is an address: it names a host
	Pattern  string   // of a Text: a regular expression for all of it, spaces around it left out; of a List: for each entry; of a Map: for each name
	Values   string   // of a Map: a regular expression for each value
	Form     string   // what Schemes, Host, Pattern and Values demand, in words that follow "must be "
	Reserved []string // of a Map: names that it must not have, in any case of letters; X* are all that begin with X
	File     bool     // of a Text: the name of a file that the plugin reads

	// What holds between keys. A key counts as written where it has a value that is not empty, or its KEY_file is written.
	When    string   // KEY=VALUE: Required and Or hold only where KEY, or its default, is VALUE
	Or      []string // it is required, unless one of these keys is written
	Needs   []string // where it is written, these must be, too: KEY, or KEY=VALUE, which KEY's default may be
	Without []string // where it is written, these must not be
}

// FieldType is the form of a key's value.
type FieldType int

// The forms of values.
const (
	Text     FieldType = iota
	Integer            // a whole number
	Boolean            // Supervisor's: true, yes, on, 1 …
	Size               // bytes, with KB, MB or GB behind it if wanted
	Duration           // seconds, or with a unit: 500ms, 5s, 2m, 1h
	List               // separated by commas
	Choice             // one of Field.Choices
	Map                // KEY="value",KEY2="value2"
	Float
)

// wants describes what a value of the type has to be, as an error does.
func (f *Field) wants() string {
	switch f.Type {
	case Integer:
		return "a whole number"
	case Boolean:
		return "true or false"
	case Size:
		return "a size in bytes, KB, MB or GB"
	case Duration:
		return "seconds, or a time such as 500ms, 5s, 2m or 1h"
	case List:
		return "a list separated by commas"
	case Choice:
		return "one of " + joinWords(f.Choices)
	case Map:
		return `KEY="value",KEY2="value2"`
	case Float:
		return "a number"
	}
	return "text"
}
