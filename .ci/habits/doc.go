// Package habits has tests that read the module's source: habits that docs/contributing.md asks for and that no linter knows.
package habits
