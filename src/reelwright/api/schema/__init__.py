"""The OpenAPI document: what each route accepts and returns. It is made from the data by which requests are checked.

Each dialect has one module here, with its operations and its schemas; `document` combines them with the routes.
"""
