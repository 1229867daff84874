"""Scrapy commands of the project, in place of Scrapy's own of the same name.

https://docs.scrapy.org/en/latest/topics/commands.html#custom-project-commands
"""
