"""From mentions to entities: genes and proteins to HGNC ids, diseases to groups, tables of both."""
