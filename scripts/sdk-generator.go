// Makes the SDK of one language from a package schema, as `pulumi package add` does: the language hosts that can be
// built from Go modules are too old to do it. Usage: sdk-generator SCHEMA go|nodejs|python FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: sdk-generator SCHEMA go|nodejs|python FOLDER"))
	}
	pkg, err := read(os.Args[1])
	if err != nil {
		fail(err)
	}
	files, err := generate(pkg, os.Args[2])
	if err != nil {
		fail(err)
	}
	if err := write(files, os.Args[3]); err != nil {
		fail(err)
	}
}

func read(file string) (*schema.Package, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	pkg, diagnostics, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// Warnings too: nobody would see them later.
	if len(diagnostics) > 0 {
		return nil, fmt.Errorf("%s: %w", file, diagnostics)
	}
	// As `pulumi package add` does.
	pkg.SupportPack = true
	return pkg, nil
}

func generate(pkg *schema.Package, language string) (map[string][]byte, error) {
	const tool = "pulumi"
	switch language {
	case "go":
		return golang.GeneratePackage(tool, pkg, nil)
	case "nodejs":
		return nodejs.GeneratePackage(tool, pkg, nil, nil, true, nil)
	case "python":
		return python.GeneratePackage(tool, pkg, nil, nil)
	}
	return nil, fmt.Errorf("there is no SDK for %s", language)
}

func write(files map[string][]byte, folder string) error {
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
