"""The OpenAPI document: what each route takes and answers, said with the data that checks and answers.

A module a dialect holds its operations and the shapes it speaks; `document` puts them together with the routes.
"""
