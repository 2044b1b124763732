"""The window: Qt widgets that show what the services say."""
