package octoapi

// Root is what a server says about itself at /api.
type Root struct {
	Application string
	Version     string
	Links       links
}

// userResource is who the credentials are.
type userResource struct {
	ID    string `json:"Id"`
	Links links
}

// Named is something in a space that can be called by name, slug or ID.
type Named struct {
	ID   string `json:"Id"`
	Name string
	Slug string // "" where the server has none
}

// size makes it an item of lists.
func (n Named) size() int { return textSize(n.ID, n.Name, n.Slug) }

type spaceResource struct {
	Named
	IsDefault bool
}
