"""The addresses of this row, by public: config/urls.py mounts each list in its place."""

from django.urls import URLPattern

owner: list[URLPattern] = []
merchant: list[URLPattern] = []
api: list[URLPattern] = []
